//! `PartitionRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionRecord {
    /// Versions 0+.
    pub partition_id: i32,
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub replicas: Vec<BrokerId>,
    /// Versions 0+.
    pub isr: Vec<i32>,
    /// Versions 0+.
    pub removing_replicas: Vec<BrokerId>,
    /// Versions 0+.
    pub adding_replicas: Vec<BrokerId>,
    /// Versions 0+.
    pub leader: BrokerId,
    /// Versions 0+, tag 0.
    pub leader_recovery_state: i8,
    /// Versions 0+.
    pub leader_epoch: i32,
    /// Versions 0+.
    pub partition_epoch: i32,
    /// Versions 1+.
    pub directories: Vec<Uuid>,
    /// Versions 2+, nullable 2+, tag 1.
    pub eligible_leader_replicas: Option<Vec<BrokerId>>,
    /// Versions 2+, nullable 2+, tag 2.
    pub last_known_elr: Option<Vec<BrokerId>>,
}

impl Default for PartitionRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: Default::default(),
            replicas: Default::default(),
            isr: Default::default(),
            removing_replicas: Default::default(),
            adding_replicas: Default::default(),
            leader: BrokerId(-1),
            leader_recovery_state: Default::default(),
            leader_epoch: -1,
            partition_epoch: -1,
            directories: Default::default(),
            eligible_leader_replicas: Default::default(),
            last_known_elr: Default::default(),
        }
    }
}

impl PartitionRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.partition_id = reader.i32()?;
        this.topic_id = reader.uuid()?;
        this.replicas = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.isr = reader.array(true, 4, Reader::i32)?;
        this.removing_replicas = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.adding_replicas = reader.array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?;
        this.leader = BrokerId(reader.i32()?);
        this.leader_epoch = reader.i32()?;
        this.partition_epoch = reader.i32()?;
        if version >= 1 {
            this.directories = reader.array(true, 16, Reader::uuid)?;
        }
        reader.tags(|reader, tag| {
            match tag {
                0 => this.leader_recovery_state = reader.i8()?,
                1 if version >= 2 => {
                    this.eligible_leader_replicas =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                2 if version >= 2 => {
                    this.last_known_elr =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.partition_id);
        out.put_uuid(self.topic_id);
        out.put_array(&self.replicas, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_array(&self.isr, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_array(&self.removing_replicas, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_array(&self.adding_replicas, true, |out, item| {
            out.put_i32(item.0);
            Ok(())
        })?;
        out.put_i32(self.leader.0);
        out.put_i32(self.leader_epoch);
        out.put_i32(self.partition_epoch);
        if version >= 1 {
            out.put_array(&self.directories, true, |out, item| {
                out.put_uuid(*item);
                Ok(())
            })?;
        } else {
            absent(self.directories.is_empty(), "Directories", version)?;
        }
        let has_leader_recovery_state = self.leader_recovery_state != 0;
        let has_eligible_leader_replicas = version >= 2 && self.eligible_leader_replicas.is_some();
        let has_last_known_elr = version >= 2 && self.last_known_elr.is_some();
        out.put_unsigned_varint(
            u32::from(has_leader_recovery_state)
                + u32::from(has_eligible_leader_replicas)
                + u32::from(has_last_known_elr),
        );
        if has_leader_recovery_state {
            out.put_tag(0, |out| {
                out.put_i8(self.leader_recovery_state);
                Ok(())
            })?;
        }
        if has_eligible_leader_replicas {
            out.put_tag(1, |out| {
                out.put_nullable_array(
                    self.eligible_leader_replicas.as_deref(),
                    true,
                    |out, item| {
                        out.put_i32(item.0);
                        Ok(())
                    },
                )
            })?;
        }
        if has_last_known_elr {
            out.put_tag(2, |out| {
                out.put_nullable_array(self.last_known_elr.as_deref(), true, |out, item| {
                    out.put_i32(item.0);
                    Ok(())
                })
            })?;
        }
        if version < 2 {
            absent(
                self.eligible_leader_replicas.is_none(),
                "EligibleLeaderReplicas",
                version,
            )?;
        }
        if version < 2 {
            absent(self.last_known_elr.is_none(), "LastKnownElr", version)?;
        }
        Ok(())
    }
}

message! { PartitionRecord, versions 0..=2, flexible 0 }
