//! ListGroups, DescribeGroups, DeleteGroups.
//!
//! Room:       `coordinator::group`.
//! Called by:  the machine.
//! Never:      deletes a group that has members.

use super::classic::{CONSUMER, ClassicGroup, State};
use super::timers::Id;
use super::{Group, GroupMachine, decode};
use crate::coordinator::{Request, Step, Token};
use crate::protocol::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};
use crate::protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup, DescribedGroupMember,
};
use crate::protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};
use crate::protocol::{ErrorCode, GroupId};

/// Bits of the operations that everybody may do on a group while nothing is forbidden.
pub const GROUP_OPERATIONS: i32 = 0b1101_0100_1000;
pub(super) const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// The type of share groups, and their protocol type.
const SHARE: &str = "share";

/// The first version that says a group is not there; before, it was said to be dead.
const GROUP_NOT_FOUND: i16 = 6;

impl GroupMachine {
    pub(super) fn list(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: ListGroupsRequest<'_> = decode(request)?;
        let wanted = |filter: &[&str], value: &str| {
            filter.is_empty() || filter.iter().any(|f| f.eq_ignore_ascii_case(value))
        };
        let groups = self.groups.iter().map(|(id, group)| ListedGroup {
            group_id: GroupId(id),
            protocol_type: group.protocol_type(),
            group_state: group.state_name(),
            group_type: group.type_name(),
        });
        let groups = groups.filter(|group| {
            wanted(&asked.states_filter, group.group_state)
                && wanted(&asked.types_filter, group.group_type)
        });
        let response = ListGroupsResponse {
            groups: groups.collect(),
            ..ListGroupsResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    pub(super) fn describe(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: DescribeGroupsRequest<'_> = decode(request)?;
        let messages: Vec<Option<String>> = asked
            .groups
            .iter()
            .map(|id| match self.groups.get(id.0) {
                Some(Group::Classic(_)) => None,
                Some(_) => Some(format!("Group {} is not a classic group.", id.0)),
                None => Some(format!("Group {} not found.", id.0)),
            })
            .collect();
        let operations = match asked.include_authorized_operations {
            true => GROUP_OPERATIONS,
            false => OPERATIONS_NOT_ASKED,
        };
        let found = asked.groups.iter().zip(&messages);
        let groups = found.map(|(id, message)| match (self.groups.get(id.0), message) {
            (Some(Group::Classic(group)), None) => described(*id, group, operations),
            _ => DescribedGroup {
                error_code: match request.version {
                    GROUP_NOT_FOUND.. => ErrorCode::GroupIdNotFound,
                    _ => ErrorCode::None,
                },
                error_message: match request.version {
                    GROUP_NOT_FOUND.. => message.as_deref(),
                    _ => None,
                },
                group_id: *id,
                group_state: "Dead",
                authorized_operations: OPERATIONS_NOT_ASKED,
                ..DescribedGroup::default()
            },
        });
        let response = DescribeGroupsResponse {
            groups: groups.collect(),
            ..DescribeGroupsResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }

    pub(super) fn delete_groups(
        &mut self,
        step: &mut Step,
        token: Token,
        request: &Request,
    ) -> Result<(), ErrorCode> {
        let asked: DeleteGroupsRequest<'_> = decode(request)?;
        // A share group's states go first, which takes a while; it comes in a request of its own.
        if let [name] = asked.groups_names[..]
            && let Some(Group::Share(group)) = self.groups.get(name.0)
            && group.is_empty()
        {
            self.share_delete(step, token, request.version, name.0);
            return Ok(());
        }
        let results = asked.groups_names.iter().map(|name| {
            let found = self.groups.get_key_value(name.0);
            let error_code = match found.map(|(id, group)| (id.clone(), group.is_empty())) {
                None if name.0.is_empty() => ErrorCode::InvalidGroupId,
                None => ErrorCode::GroupIdNotFound,
                Some((_, false)) => ErrorCode::NonEmptyGroup,
                Some((id, true)) => {
                    self.delete(step, &id);
                    ErrorCode::None
                }
            };
            DeletableGroupResult {
                group_id: *name,
                error_code,
                ..DeletableGroupResult::default()
            }
        });
        let response = DeleteGroupsResponse {
            results: results.collect(),
            ..DeleteGroupsResponse::default()
        };
        step.answer(token, request.version, &response);
        Ok(())
    }
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty(),
            Self::Consumer(group) => group.is_empty(),
            Self::Share(group) => group.is_empty(),
            Self::Streams(group) => group.is_empty(),
        }
    }

    fn protocol_type(&self) -> &str {
        match self {
            Self::Classic(group) => group.protocol_type().unwrap_or_default(),
            Self::Consumer(_) => CONSUMER,
            Self::Share(_) => SHARE,
            Self::Streams(_) => "streams",
        }
    }

    fn state_name(&self) -> &'static str {
        match self {
            Self::Classic(group) => group.state().name(),
            Self::Consumer(group) => group.state_name(),
            Self::Share(group) => group.state_name(),
            Self::Streams(group) => group.state_name(),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Classic(_) => "classic",
            Self::Consumer(_) => "consumer",
            Self::Share(_) => SHARE,
            Self::Streams(_) => "streams",
        }
    }
}

fn described<'a>(id: GroupId<'a>, group: &'a ClassicGroup, operations: i32) -> DescribedGroup<'a> {
    let is_stable = group.state() == State::Stable;
    let protocol = group.protocol().unwrap_or_default();
    let members = group.members().iter();
    let members = members.map(|(member_id, member): (&Id, _)| DescribedGroupMember {
        member_id,
        group_instance_id: member.instance.as_deref(),
        client_id: &member.client_id,
        client_host: &member.client_host,
        // Between two generations nobody has either.
        member_metadata: match is_stable {
            true => member.metadata(protocol),
            false => &[],
        },
        member_assignment: match is_stable {
            true => &member.assignment,
            false => &[],
        },
    });
    DescribedGroup {
        error_code: ErrorCode::None,
        error_message: None,
        group_id: id,
        group_state: group.state().name(),
        protocol_type: group.protocol_type().unwrap_or_default(),
        protocol_data: match is_stable {
            true => protocol,
            false => "",
        },
        members: members.collect(),
        authorized_operations: operations,
    }
}
