//! Everything that can go wrong, with the words of the service for it.

use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What went wrong.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Box<CallError>),
    /// The address of the service is not valid.
    #[error("the address must be HOST:PORT, got {0:?}")]
    Address(String),
    /// The assignments have no such parameter.
    #[error("there is no parameter {0:?}")]
    NoParameter(String),
    /// The value of a parameter is of another kind.
    #[error("parameter {name:?} is {actual}, not {expected}")]
    WrongKind {
        /// The name of the parameter.
        name: String,
        /// The kind that was asked for.
        expected: &'static str,
        /// The kind that it is of.
        actual: &'static str,
    },
    /// So many evaluations in a row failed that the worker gave up.
    #[error("{count} evaluations in a row failed, the last with: {last}")]
    EvaluationsFailed {
        /// How many.
        count: u32,
        /// What the last one failed with.
        last: String,
    },
}

impl Error {
    /// Returns the code of a failed call.
    pub fn code(&self) -> Option<Code> {
        self.call().map(|call| call.code)
    }

    /// Returns the stable word for programs, such as `BUDGET_SPENT`, that the service failed a call with.
    pub fn reason(&self) -> Option<&str> {
        self.call()?.reason.as_deref()
    }

    /// Returns everything that is wrong with a request that the service refused.
    pub fn violations(&self) -> &[FieldViolation] {
        self.call().map_or(&[], |call| &call.violations)
    }

    /// Returns the failed call, where that is what went wrong.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.call()?.retry_after
    }

    /// Whether the service is there and has too much to do.
    pub(crate) fn asks_to_wait(&self) -> bool {
        self.retry_after().is_some_and(|delay| !delay.is_zero())
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        self.code() == Some(Code::Unavailable)
    }

    pub(crate) fn without_service(code: Code, message: impl Into<String>) -> Self {
        Status::new(code, message).into()
    }
}

/// A call that failed. A refused call has changed nothing; after [`Code::Unavailable`] and
/// [`Code::DeadlineExceeded`] it is not known whether it has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallError {
    /// What kind of failure it is. A broken connection is [`Code::Unavailable`].
    pub code: Code,
    /// A stable word for programs, such as `BUDGET_SPENT`. None where no service answered.
    pub reason: Option<String>,
    /// A text for people.
    pub message: String,
    /// What varies in the message, by name.
    pub metadata: HashMap<String, String>,
    /// Everything that is wrong with the request.
    pub violations: Vec<FieldViolation>,
    /// After how long trying again may help. None where nothing is known.
    pub retry_after: Option<Duration>,
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldViolation {
    /// The path of the field, such as `parameters[1].bounds.max`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let (reason, metadata) = match details.error_info() {
            Some(info) => (Some(info.reason.clone()), info.metadata.clone()),
            None => (None, HashMap::new()),
        };
        let violations = details.bad_request().map_or_else(Vec::new, |bad_request| {
            let violations = bad_request.field_violations.iter();
            violations
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect()
        });
        let (code, message) = code_and_message(&status);
        Self::Call(Box::new(CallError {
            code,
            reason,
            message,
            metadata,
            violations,
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }))
    }
}

fn code_and_message(status: &Status) -> (Code, String) {
    // Only a status that was made here has a source, because the connection broke or there is
    // none. tonic gives it one of half a dozen codes; gRPC says that it is this one.
    if let Some(source) = status.source() {
        let causes = std::iter::successors(Some(source), |&error| error.source());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        let message = format!("cannot reach the service: {}", causes.join(": "));
        return (Code::Unavailable, message);
    }
    let code = match status.code() {
        // Not by the caller, who gets no answer then: a server that ends breaks its calls off.
        Code::Cancelled => Code::Unavailable,
        code => code,
    };
    (code, status.message().to_owned())
}
