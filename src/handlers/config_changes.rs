//! What AlterConfigs and IncrementalAlterConfigs have in common.
//! Stages: refuse what the request alone shows to be wrong; ask the controller; gather.

use super::context::Call;
use crate::controller::{self, ConfigChange, ConfigOperations, Refused, Reply};
use crate::metadata::ResourceKind;
use crate::protocol::ErrorCode;

/// One resource of a request; `change` is refused when the request alone shows it to be wrong.
pub struct Asked<'a> {
    pub resource_type: i8,
    pub resource_name: &'a str,
    pub change: Result<ConfigOperations, Refused>,
}

/// Carries the changes out; one outcome for each, in request order.
pub async fn carry_out(
    call: &Call,
    asked: Vec<Asked<'_>>,
    validate_only: bool,
) -> Vec<Result<(), Refused>> {
    let resources = asked
        .iter()
        .map(|asked| (asked.resource_type, asked.resource_name));
    let resources: Vec<(i8, &str)> = resources.collect();
    let mut changes = Vec::new();
    let checked: Vec<Result<(), Refused>> = asked
        .into_iter()
        .map(|asked| check(call, &resources, asked).map(|change| changes.push(change)))
        .collect();
    let count = changes.len();
    let request = controller::Request::AlterConfigs {
        changes,
        validate_only,
    };
    let done = match count {
        0 => Vec::new(),
        _ => match call.context.router.control(request).await {
            Reply::Outcomes(outcomes) => outcomes,
            Reply::Refused(code, text) => vec![Err((code, text)); count],
            _ => unreachable!("changes are answered with outcomes"),
        },
    };
    let mut done = done.into_iter();
    let mut outcome = || done.next().expect("an outcome for each change");
    let outcomes = checked.into_iter().map(|checked| match checked {
        Ok(()) => outcome(),
        refused => refused,
    });
    outcomes.collect()
}

fn check(call: &Call, resources: &[(i8, &str)], asked: Asked<'_>) -> Result<ConfigChange, Refused> {
    let refuse = |text: String| Err((ErrorCode::InvalidRequest, text));
    let this = (asked.resource_type, asked.resource_name);
    if resources.iter().filter(|other| **other == this).count() > 1 {
        return refuse("Each resource must appear at most once.".to_owned());
    }
    match ResourceKind::from_code(asked.resource_type) {
        None => refuse(format!("Unknown resource type {}", asked.resource_type)),
        Some(ResourceKind::BrokerLogger) => Err(logger(call, &asked)),
        Some(kind) => Ok(ConfigChange {
            kind,
            name: asked.resource_name.to_owned(),
            change: asked.change?,
        }),
    }
}

/// There is one logger, and its level is set on the command line.
fn logger(call: &Call, asked: &Asked<'_>) -> Refused {
    let node = call.config().node_id;
    let (code, text) = match asked.resource_name.parse::<i32>() {
        Err(_) => {
            let text = format!(
                "Node id must be an integer, but it is: {}",
                asked.resource_name
            );
            (ErrorCode::InvalidRequest, text)
        }
        Ok(id) if id != node => {
            let text = format!("Unexpected node id. Expected {node}, but received {id}");
            (ErrorCode::InvalidRequest, text)
        }
        Ok(_) => {
            let text = "Log levels are set when the broker starts.".to_owned();
            (ErrorCode::InvalidConfig, text)
        }
    };
    (code, text)
}

/// Refuses a request that names a property twice or gives one no value.
pub fn check_items<'a>(items: impl Iterator<Item = (&'a str, bool)>) -> Result<(), Refused> {
    let mut seen = crate::map::Set::default();
    let mut null = Vec::new();
    for (name, has_value) in items {
        if !seen.insert(name) {
            let text = "Error due to duplicate config keys".to_owned();
            return Err((ErrorCode::InvalidRequest, text));
        }
        if !has_value {
            null.push(name);
        }
    }
    match null.is_empty() {
        true => Ok(()),
        false => {
            let text = format!("Null value not supported for : {}", null.join(","));
            Err((ErrorCode::InvalidRequest, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_comes_once_and_with_a_value() {
        let text = |items: &[(&'static str, bool)]| {
            check_items(items.iter().copied())
                .err()
                .map(|(code, text)| {
                    assert_eq!(code, ErrorCode::InvalidRequest);
                    text
                })
        };
        assert_eq!(text(&[("a", true), ("b", true)]), None);
        assert_eq!(
            text(&[("a", false), ("b", true), ("c", false)]).as_deref(),
            Some("Null value not supported for : a,c")
        );
        assert!(text(&[("a", true), ("a", false)]).is_some_and(|text| text.contains("duplicate")));
    }
}
