//! Erasures of publications: which publications in memory change, and what remains of each. Offsets and times stay, so that
//! clients with positions recover as before.
//!
//! The histories of channels call this. The journal is changed by statements of the store, which write the same remains.

use std::{collections::HashMap, sync::Arc};

use protocol::{
    ClientInfo, Payload, Publication,
    id::{ConnectionId, Subject},
};

/// The tag of a publication that an operator erased. Its value is `true`.
pub const REMOVED_TAG: &str = "removed";

/// An erasure of publications of one channel, or of all channels. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Erasure {
    covered: Covered,
    /// Only publications up to this time, in milliseconds since the Unix epoch.
    until_ms: i64,
}

/// Which publications an erasure covers.
#[derive(Clone, Debug)]
enum Covered {
    /// The publication with this offset.
    Offset(u64),
    /// The publications of this user.
    Of(Subject),
    /// The publications of erased persons.
    Persons(Arc<ErasedPersons>),
}

#[derive(Debug)]
struct ErasedPersons {
    /// The persons. A person's publications stay under the new name here or, without a new name, lose their content.
    names: HashMap<Subject, Option<Subject>>,
    /// The content of an erased publication.
    content: Payload,
}

impl Erasure {
    /// The erasure of the publication with this offset, if it is not later than `until_ms`.
    #[must_use]
    pub fn of_offset(offset: u64, until_ms: i64) -> Self {
        Self { covered: Covered::Offset(offset), until_ms }
    }

    /// The erasure of the publications of this user up to `until_ms`.
    #[must_use]
    pub fn of_user(subject: Subject, until_ms: i64) -> Self {
        Self { covered: Covered::Of(subject), until_ms }
    }

    /// The erasure of persons. If `names` has a new name for a person, this name replaces the person's. Otherwise `content`
    /// replaces the person's publications.
    #[must_use]
    pub fn of_persons(names: HashMap<Subject, Option<Subject>>, content: Payload) -> Self {
        Self { covered: Covered::Persons(Arc::new(ErasedPersons { names, content })), until_ms: i64::MAX }
    }

    /// Whether this erasure leaves durable channels in memory as they are. The erasure of persons does: a job changes the
    /// journal later, and then the channels are read again.
    #[must_use]
    pub fn leaves_durable_channels(&self) -> bool {
        matches!(self.covered, Covered::Persons(_))
    }

    /// What remains of this publication. `None` if the erasure does not cover it, or if it is erased already.
    #[must_use]
    pub fn remains_of(&self, publication: &Publication) -> Option<Arc<Publication>> {
        if publication.time_ms > self.until_ms || is_erased(publication) {
            return None;
        }
        let user = publication.info.as_ref().map(|info| &info.user);
        let remains = match &self.covered {
            Covered::Offset(offset) => (publication.offset == *offset).then(|| removed(publication))?,
            Covered::Of(subject) => (user == Some(subject)).then(|| removed(publication))?,
            Covered::Persons(persons) => match persons.names.get(user?)? {
                Some(name) => renamed(publication, name),
                None => {
                    let data = persons.content.clone();
                    Publication { data, info: None, tags: Vec::new(), ..publication.clone() }
                }
            },
        };
        Some(Arc::new(remains))
    }
}

/// Whether an operator has erased this publication.
#[must_use]
pub fn is_erased(publication: &Publication) -> bool {
    publication.info.is_none() && publication.tags.iter().any(|(name, _)| name == REMOVED_TAG)
}

/// A publication that an operator erases: its data is the JSON value `null`, and a tag says so.
fn removed(publication: &Publication) -> Publication {
    Publication {
        data: Payload::from_bytes(bytes::Bytes::from_static(b"null")),
        info: None,
        offset: publication.offset,
        tags: vec![(REMOVED_TAG.to_owned(), "true".to_owned())],
        time_ms: publication.time_ms,
    }
}

/// The publication under another name, without the data of the connection.
fn renamed(publication: &Publication, name: &Subject) -> Publication {
    let info = ClientInfo {
        user: name.clone(),
        client: ConnectionId(uuid::Uuid::nil()),
        conn_info: None,
        chan_info: None,
    };
    Publication { info: Some(Arc::new(info)), ..publication.clone() }
}
