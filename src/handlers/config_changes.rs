//! What AlterConfigs and IncrementalAlterConfigs have in common.
//! Stages: refuse what the request alone shows to be wrong; ask the controller; gather.

use super::context::Call;
use super::said::Said;
use crate::config::log_levels::{LOG_LEVELS, LevelRefused};
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
    let mut pace = call.pace();
    let said = Said::of(resources, &mut pace).await;
    let mut changes = Vec::new();
    let mut checked: Vec<Result<Way, Refused>> = Vec::with_capacity(asked.len());
    for asked in asked {
        pace.step().await;
        checked.push(way(call, &said, asked, validate_only, &mut changes));
    }
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
    let outcomes = checked.into_iter().map(|checked| match checked? {
        Way::Controller => outcome(),
        Way::Here => Ok(()),
    });
    outcomes.collect()
}

/// Finds out whose change it is, and adds it to the controller's if it is that.
fn way(
    call: &Call,
    said: &Said<(i8, &str)>,
    asked: Asked<'_>,
    validate_only: bool,
    changes: &mut Vec<ConfigChange>,
) -> Result<Way, Refused> {
    check(said, &asked)?;
    match ResourceKind::from_code(asked.resource_type) {
        None => {
            let text = format!("Unknown resource type {}", asked.resource_type);
            Err((ErrorCode::InvalidRequest, text))
        }
        Some(ResourceKind::BrokerLogger) => {
            change_levels(call, asked, validate_only).map(|()| Way::Here)
        }
        Some(kind) => {
            changes.push(ConfigChange {
                kind,
                name: asked.resource_name.to_owned(),
                change: asked.change?,
            });
            Ok(Way::Controller)
        }
    }
}

/// Who carries out a change that nothing speaks against.
enum Way {
    Controller,
    /// Done already.
    Here,
}

fn check(said: &Said<(i8, &str)>, asked: &Asked<'_>) -> Result<(), Refused> {
    match said.is_repeated(&(asked.resource_type, asked.resource_name)) {
        false => Ok(()),
        true => {
            let text = "Each resource must appear at most once.".to_owned();
            Err((ErrorCode::InvalidRequest, text))
        }
    }
}

/// Levels are this process's own; they are no part of the metadata.
fn change_levels(call: &Call, asked: Asked<'_>, validate_only: bool) -> Result<(), Refused> {
    let refuse = |text: String| Err((ErrorCode::InvalidRequest, text));
    let node = call.config().node_id;
    match asked.resource_name.parse::<i32>() {
        Err(_) => {
            let name = asked.resource_name;
            return refuse(format!("Node id must be an integer, but it is: {name}"));
        }
        Ok(id) if id != node => {
            return refuse(format!(
                "Unexpected node id. Expected {node}, but received {id}"
            ));
        }
        Ok(_) => {}
    }
    let ConfigOperations::Each(operations) = asked.change? else {
        return refuse("Log levels are altered one by one (IncrementalAlterConfigs).".to_owned());
    };
    let changed = LOG_LEVELS.change(&operations, validate_only);
    changed.map_err(|refused| {
        let code = match refused {
            LevelRefused::UnknownLogger(_) | LevelRefused::UnknownLevel { .. } => {
                ErrorCode::InvalidConfig
            }
            LevelRefused::RootDeleted | LevelRefused::Operation(_) => ErrorCode::InvalidRequest,
        };
        (code, refused.to_string())
    })
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
