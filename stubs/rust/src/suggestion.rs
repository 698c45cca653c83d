//! What to try next, in Rust's own types.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;

use crate::v1::parameter_value::Kind;
use crate::v1::{MetricValue, ParameterValue, Provenance, Task};
use crate::{Error, v1};

/// Assignments that were handed out to be evaluated.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Suggestion {
    /// The identity.
    pub id: String,
    /// The experiment that it belongs to.
    pub experiment_id: String,
    /// How often it was handed out; with `id` it identifies this hand-out.
    pub attempt: i32,
    /// One value for every conditional and every parameter that is there, by name.
    pub assignments: Assignments,
    /// How to evaluate it; none when the experiment has no tasks.
    pub task: Option<Task>,
    /// What made it, knowing what.
    pub provenance: Option<Provenance>,
}

impl From<v1::Suggestion> for Suggestion {
    fn from(message: v1::Suggestion) -> Self {
        Self {
            id: message.suggestion_id,
            experiment_id: message.experiment_id,
            attempt: message.attempt,
            assignments: message.assignments.into(),
            task: message.task,
            provenance: message.provenance,
        }
    }
}

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of a parameter of type double.
    Double(f64),
    /// Of a parameter of type int.
    Int(i64),
    /// Of a parameter of type categorical.
    String(String),
    /// Of a parameter of type bool.
    Bool(bool),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Double(_) => "a double",
            Self::Int(_) => "an int",
            Self::String(_) => "a string",
            Self::Bool(_) => "a bool",
        }
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// One point of a search space: a value for every parameter, by name.
///
/// It is a map, and the getters say what is wrong when a parameter is missing or of another kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assignments(BTreeMap<String, Value>);

impl Assignments {
    /// Returns the value of a parameter of type double.
    pub fn double(&self, name: &str) -> Result<f64, Error> {
        match self.value(name)? {
            Value::Double(value) => Ok(*value),
            other => Err(wrong_kind(name, "a double", other)),
        }
    }

    /// Returns the value of a parameter of type int.
    pub fn int(&self, name: &str) -> Result<i64, Error> {
        match self.value(name)? {
            Value::Int(value) => Ok(*value),
            other => Err(wrong_kind(name, "an int", other)),
        }
    }

    /// Returns the value of a parameter of type categorical.
    pub fn string(&self, name: &str) -> Result<&str, Error> {
        match self.value(name)? {
            Value::String(value) => Ok(value),
            other => Err(wrong_kind(name, "a string", other)),
        }
    }

    /// Returns the value of a parameter of type bool.
    pub fn bool(&self, name: &str) -> Result<bool, Error> {
        match self.value(name)? {
            Value::Bool(value) => Ok(*value),
            other => Err(wrong_kind(name, "a bool", other)),
        }
    }

    fn value(&self, name: &str) -> Result<&Value, Error> {
        let value = self.0.get(name);
        value.ok_or_else(|| Error::NoParameter(name.to_owned()))
    }
}

fn wrong_kind(name: &str, expected: &'static str, value: &Value) -> Error {
    Error::WrongKind {
        name: name.to_owned(),
        expected,
        actual: value.kind(),
    }
}

impl Deref for Assignments {
    type Target = BTreeMap<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Assignments {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(values: I) -> Self {
        let values = values.into_iter();
        Self(values.map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl From<HashMap<String, ParameterValue>> for Assignments {
    fn from(values: HashMap<String, ParameterValue>) -> Self {
        // A kind that a newer service knows is left out: whoever asks for the parameter is told.
        let known = values.into_iter().filter_map(|(name, value)| {
            let value = match value.kind? {
                Kind::DoubleValue(value) => Value::Double(value),
                Kind::IntValue(value) => Value::Int(value),
                Kind::StringValue(value) => Value::String(value),
                Kind::BoolValue(value) => Value::Bool(value),
            };
            Some((name, value))
        });
        known.collect()
    }
}

impl From<Assignments> for HashMap<String, ParameterValue> {
    fn from(assignments: Assignments) -> Self {
        let values = assignments.0.into_iter().map(|(name, value)| {
            let kind = match value {
                Value::Double(value) => Kind::DoubleValue(value),
                Value::Int(value) => Kind::IntValue(value),
                Value::String(value) => Kind::StringValue(value),
                Value::Bool(value) => Kind::BoolValue(value),
            };
            (name, ParameterValue { kind: Some(kind) })
        });
        values.collect()
    }
}

impl<S: Into<String>> From<(S, f64)> for MetricValue {
    fn from((name, value): (S, f64)) -> Self {
        Self {
            name: name.into(),
            value: Some(value),
            ..Default::default()
        }
    }
}

impl<S: Into<String>> From<(S, f64, f64)> for MetricValue {
    /// Takes the name, the value and its standard deviation.
    fn from((name, value, stddev): (S, f64, f64)) -> Self {
        Self {
            value_stddev: Some(stddev),
            ..(name, value).into()
        }
    }
}
