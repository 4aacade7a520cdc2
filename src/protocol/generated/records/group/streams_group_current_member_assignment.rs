//! `StreamsGroupCurrentMemberAssignmentKey`, `StreamsGroupCurrentMemberAssignmentValue`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/group.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupCurrentMemberAssignmentKey<'a> {
    /// Versions 0.
    pub group_id: &'a str,
    /// Versions 0.
    pub member_id: &'a str,
}

impl<'a> StreamsGroupCurrentMemberAssignmentKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.group_id = reader.string(false)?;
        this.member_id = reader.string(false)?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_string(self.group_id, false)?;
        out.put_string(self.member_id, false)?;
        Ok(())
    }
}

message! { StreamsGroupCurrentMemberAssignmentKey<'a>, versions 0..=0, flexible i16::MAX }

#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamsGroupCurrentMemberAssignmentValue<'a> {
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+.
    pub previous_member_epoch: i32,
    /// Versions 0+.
    pub state: i8,
    /// Versions 0+.
    pub active_tasks: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub standby_tasks: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub warmup_tasks: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub active_tasks_pending_revocation: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub standby_tasks_pending_revocation: Vec<TaskIds<'a>>,
    /// Versions 0+.
    pub warmup_tasks_pending_revocation: Vec<TaskIds<'a>>,
}

impl<'a> StreamsGroupCurrentMemberAssignmentValue<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 0)?;
        let mut this = Self::default();
        this.member_epoch = reader.i32()?;
        this.previous_member_epoch = reader.i32()?;
        this.state = reader.i8()?;
        this.active_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.standby_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.warmup_tasks = reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.active_tasks_pending_revocation =
            reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.standby_tasks_pending_revocation =
            reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        this.warmup_tasks_pending_revocation =
            reader.array(true, 3, |reader| TaskIds::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 0)?;
        out.put_i32(self.member_epoch);
        out.put_i32(self.previous_member_epoch);
        out.put_i8(self.state);
        out.put_array(&self.active_tasks, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.standby_tasks, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.warmup_tasks, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.active_tasks_pending_revocation, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.standby_tasks_pending_revocation, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_array(&self.warmup_tasks_pending_revocation, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct TaskIds<'a> {
    /// Versions 0+.
    pub subtopology_id: &'a str,
    /// Versions 0+.
    pub partitions: Vec<i32>,
    /// Versions 0+, nullable 0+, tag 0.
    pub assignment_epochs: Option<Vec<i32>>,
}

impl Default for TaskIds<'_> {
    fn default() -> Self {
        Self {
            subtopology_id: Default::default(),
            partitions: Default::default(),
            assignment_epochs: Some(Vec::new()),
        }
    }
}

impl<'a> TaskIds<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.subtopology_id = reader.string(true)?;
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.tags(|reader, tag| {
            match tag {
                0 => this.assignment_epochs = reader.nullable_array(true, 4, Reader::i32)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.subtopology_id, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        let has_assignment_epochs = !self.assignment_epochs.as_ref().is_some_and(Vec::is_empty);
        out.put_unsigned_varint(u32::from(has_assignment_epochs));
        if has_assignment_epochs {
            out.put_tag(0, |out| {
                out.put_nullable_array(self.assignment_epochs.as_deref(), true, |out, item| {
                    out.put_i32(*item);
                    Ok(())
                })
            })?;
        }
        Ok(())
    }
}

message! { StreamsGroupCurrentMemberAssignmentValue<'a>, versions 0..=0, flexible 0 }
