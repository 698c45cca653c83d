//! Generates the messages and services of the contract, and a `Call` for each of its unary methods.

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tonic_prost_build::{Config, FileDescriptorSet};

const PACKAGE: &str = "nextpoint.v1";

fn main() -> Result<(), Box<dyn Error>> {
    // A link in the repository, a copy in the packaged crate.
    let protos = Path::new("protos");
    println!("cargo::rerun-if-changed=protos");
    println!("cargo::rerun-if-changed=build.rs");

    let mut files = fs::read_dir(protos.join("nextpoint/v1"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut config = Config::new();
    config
        .file_descriptor_set_path(out.join("nextpoint.bin"))
        .enable_type_names();
    // Where there is no vendored protoc, prost looks for one: $PROTOC, then the path.
    if let Ok(protoc) = protoc_bin_vendored::protoc_bin_path() {
        config.protoc_executable(protoc);
    }
    let descriptors = config.load_fds(&files, &[protos])?;
    fs::write(out.join("calls.rs"), calls(&descriptors)?)?;
    tonic_prost_build::configure()
        .generate_default_stubs(true)
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}

fn calls(descriptors: &FileDescriptorSet) -> Result<String, std::fmt::Error> {
    let files = || descriptors.file.iter().filter(|f| f.package() == PACKAGE);
    let with_field = |name: &str| -> HashSet<&str> {
        files()
            .flat_map(|file| &file.message_type)
            .filter(|message| message.field.iter().any(|f| f.name() == name))
            .map(|message| message.name())
            .collect()
    };
    let changes = with_field("request_id");
    let waiting = with_field("max_wait");

    let mut code = String::new();
    for service in files().flat_map(|file| &file.service) {
        for method in service.method.iter().filter(|m| !m.server_streaming()) {
            let request = local_name(method.input_type());
            let response = local_name(method.output_type());
            let (service, method) = (service.name(), method.name());
            writeln!(code, "impl crate::Call for {request} {{")?;
            writeln!(code, "type Response = {response};")?;
            writeln!(
                code,
                "const PATH: &'static str = \"/{PACKAGE}.{service}/{method}\";"
            )?;
            if changes.contains(request) {
                writeln!(
                    code,
                    "fn request_id(&mut self) -> Option<&mut String> {{ Some(&mut self.request_id) }}"
                )?;
            }
            if waiting.contains(request) {
                writeln!(
                    code,
                    "fn max_wait(&self) -> Option<prost_types::Duration> {{ self.max_wait }}"
                )?;
            }
            writeln!(code, "}}")?;
        }
    }
    Ok(code)
}

fn local_name(type_name: &str) -> &str {
    type_name.rsplit('.').next().unwrap_or(type_name)
}
