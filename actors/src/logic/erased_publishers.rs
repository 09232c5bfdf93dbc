//! Erased persons: what becomes of their publications in histories in memory.
//!
//! The journal is changed by the erasure itself. The copies in memory are changed here, publication by publication; offsets and
//! epochs stay, so that clients recover without a gap.

use std::{collections::HashMap, sync::Arc};

use protocol::{
    ClientInfo, Payload, Publication,
    id::{ConnectionId, Subject},
};

/// The erased persons, each with the name that replaces it. If a name is missing, the content is erased.
#[derive(Clone, Debug)]
pub struct ErasedPublishers {
    subjects: HashMap<Subject, Option<Subject>>,
    /// The content of an erased message.
    erased: Payload,
}

impl ErasedPublishers {
    /// These persons; `erased` replaces the content of an erased message.
    #[must_use]
    pub fn new(subjects: HashMap<Subject, Option<Subject>>, erased: Payload) -> Self {
        Self { subjects, erased }
    }

    /// The publication that replaces this one, if an erased person has published it.
    fn replacement(&self, publication: &Publication) -> Option<Arc<Publication>> {
        let info = publication.info.as_ref()?;
        let replaced = match self.subjects.get(&info.user)? {
            Some(name) => Publication {
                info: Some(Arc::new(ClientInfo {
                    user: name.clone(),
                    client: ConnectionId(uuid::Uuid::nil()),
                    conn_info: None,
                    chan_info: None,
                })),
                ..publication.clone()
            },
            None => {
                Publication { data: self.erased.clone(), info: None, tags: Vec::new(), ..publication.clone() }
            }
        };
        Some(Arc::new(replaced))
    }

    /// Replaces the publication, if an erased person has published it.
    pub(crate) fn replace(&self, publication: &mut Arc<Publication>) {
        if let Some(replacement) = self.replacement(publication) {
            *publication = replacement;
        }
    }
}
