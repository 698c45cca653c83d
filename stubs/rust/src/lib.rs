#![doc = include_str!("../README.md")]

mod backoff;
mod client;
mod error;
mod leases;
mod service_config;
mod stream;
mod suggestion;
mod worker;

/// The contract: its messages, its clients, and servers to test against.
#[allow(missing_docs, clippy::all, rustdoc::all)]
pub mod v1 {
    tonic::include_proto!("nextpoint.v1");
    include!(concat!(env!("OUT_DIR"), "/calls.rs"));

    /// The contract's own description, for reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("nextpoint");
}

pub use client::{Call, Client};
pub use error::{CallError, Error, FieldViolation};
pub use leases::LeaseKeeper;
pub use stream::Suggestions;
pub use suggestion::{Assignments, Suggestion, Value};
pub use worker::{Finished, Worker};

pub use prost_types;
pub use tokio_util::sync::CancellationToken;
pub use tonic;
