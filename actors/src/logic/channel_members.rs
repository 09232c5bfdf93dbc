//! [`Channel`]: the table of the members of one channel. For each member, the table has the form of its publications, and
//! whether the member is visible in presence and receives joins and leaves.
//!
//! A room has one table. `S` is the handle through which the room delivers to a member. Presence is read from this table only,
//! so a member that has left is not shown.

use std::{collections::HashMap, sync::Arc};

pub use protocol::channel_name::{ChannelName, ChannelNameError};
use protocol::{
    ClientInfo, PresenceStats, Publication,
    id::{ConnectionId, Subject},
};

use super::{namespace::Terms, spare_capacity::PeakSize};

/// One subscription.
#[derive(Debug)]
pub struct Member<S> {
    /// The handle through which the member receives messages.
    pub via: S,
    info: Arc<ClientInfo>,
    /// Whether the member is visible in presence.
    present: bool,
    /// Whether the join and the leave of the member are announced.
    announced: bool,
    /// Whether the member receives joins and leaves.
    join_leave: bool,
    delta: Delta,
}

/// Whether a member receives deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delta {
    Off,
    /// Perhaps the member does not have the last publication, so the next publication is sent whole.
    Fresh,
    /// The member has the last publication, so the next publication may be sent as a delta from it.
    Following,
}

/// The form in which a member receives a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// For a member without deltas.
    Plain,
    /// For a member with deltas that must receive this publication whole.
    Whole,
    /// For a member with deltas: a delta from this earlier publication. If the delta would not be smaller than the data, the
    /// member receives the publication whole.
    Delta(&'a Publication),
}

/// The members of one channel.
#[derive(Debug)]
pub struct Channel<S> {
    members: HashMap<ConnectionId, Member<S>>,
    /// How many members receive joins and leaves. While the number is 0, no search for these members is needed.
    join_leave: usize,
    /// How many members receive deltas.
    deltas: usize,
    /// How many members are visible in presence.
    present: usize,
    /// For each user, how many members are visible in presence.
    users: HashMap<Subject, u32>,
    /// The largest sizes of `members` and `users`. When most of the entries are gone, the memory of the map is freed.
    peak: PeakSize,
    peak_users: PeakSize,
    /// The base of the next delta: the last publication that the member received or recovered. `None` if there is no such
    /// publication yet, or if no member receives deltas.
    last: Option<Arc<Publication>>,
}

impl<S> Default for Channel<S> {
    fn default() -> Self {
        Self {
            members: HashMap::new(),
            join_leave: 0,
            deltas: 0,
            present: 0,
            users: HashMap::new(),
            peak: PeakSize::default(),
            peak_users: PeakSize::default(),
            last: None,
        }
    }
}

impl<S> Channel<S> {
    /// Adds a connection. If the connection is already a member, its old entry is replaced and returned. `base` is the newest
    /// publication of the channel if the connection has just received it; otherwise `None`.
    pub fn join(
        &mut self,
        info: Arc<ClientInfo>,
        terms: &Terms,
        base: Option<Arc<Publication>>,
        via: S,
    ) -> Option<Member<S>> {
        let connection = info.client;
        let replaced = self.take(connection);
        let delta = if terms.delta { self.first_delta(base) } else { Delta::Off };
        self.join_leave += usize::from(terms.join_leave);
        self.deltas += usize::from(terms.delta);
        if terms.presence {
            self.enter_presence(info.user.clone());
        }
        let member = Member {
            via,
            info,
            present: terms.presence,
            announced: terms.announce,
            join_leave: terms.join_leave,
            delta,
        };
        self.members.insert(connection, member);
        self.peak.note(&self.members);
        replaced
    }

    fn first_delta(&mut self, base: Option<Arc<Publication>>) -> Delta {
        match (&self.last, base) {
            (None, Some(base)) => {
                self.last = Some(base);
                Delta::Following
            }
            (Some(last), Some(base)) if Arc::ptr_eq(last, &base) => Delta::Following,
            _ => Delta::Fresh,
        }
    }

    /// Replaces the description of a member. False if the connection is not a member.
    pub fn show(&mut self, info: &Arc<ClientInfo>) -> bool {
        let Some(member) = self.members.get_mut(&info.client) else { return false };
        let before = std::mem::replace(&mut member.info, Arc::clone(info));
        if member.present && before.user != info.user {
            self.leave_presence(&before.user);
            self.enter_presence(info.user.clone());
        }
        true
    }

    /// The descriptions of all members, whether or not presence shows them. The order is undefined.
    pub fn all(&self) -> impl Iterator<Item = &Arc<ClientInfo>> {
        self.members.values().map(|member| &member.info)
    }

    /// Removes a connection; `None` if the connection was not a member.
    pub fn leave(&mut self, connection: ConnectionId) -> Option<Member<S>> {
        self.take(connection)
    }

    fn take(&mut self, connection: ConnectionId) -> Option<Member<S>> {
        let member = self.members.remove(&connection)?;
        self.peak.release_spare(&mut self.members);
        if member.present {
            self.leave_presence(&member.info.user);
        }
        self.join_leave -= usize::from(member.join_leave);
        self.deltas -= usize::from(member.delta != Delta::Off);
        if self.deltas == 0 {
            self.last = None;
        }
        Some(member)
    }

    /// Counts one more visible member of this user.
    fn enter_presence(&mut self, user: Subject) {
        self.present += 1;
        *self.users.entry(user).or_default() += 1;
        self.peak_users.note(&self.users);
    }

    /// Removes one visible member of this user from the counts.
    fn leave_presence(&mut self, user: &Subject) {
        self.present -= 1;
        if let Some(members) = self.users.get_mut(user) {
            *members -= 1;
            if *members == 0 {
                self.users.remove(user);
                self.peak_users.release_spare(&mut self.users);
            }
        }
    }

    /// Calls `send` for every member, with the form in which the member receives the publication. The order of members is
    /// undefined.
    pub fn deliver(
        &mut self,
        publication: &Arc<Publication>,
        mut send: impl FnMut(ConnectionId, &S, Form<'_>),
    ) {
        if self.deltas == 0 {
            let all = self.members.iter();
            return all.for_each(|(connection, member)| send(*connection, &member.via, Form::Plain));
        }
        let last = self.last.replace(Arc::clone(publication));
        for (connection, member) in &mut self.members {
            let form = match (member.delta, &last) {
                (Delta::Off, _) => Form::Plain,
                (Delta::Following, Some(last)) => Form::Delta(last),
                (Delta::Fresh | Delta::Following, _) => {
                    member.delta = Delta::Following;
                    Form::Whole
                }
            };
            send(*connection, &member.via, form);
        }
    }

    /// The members that receive joins and leaves.
    pub fn receivers_of_joins(&self) -> impl Iterator<Item = &S> {
        let any = if self.join_leave > 0 { Some(self.members.values()) } else { None };
        any.into_iter().flatten().filter(|member| member.join_leave).map(|member| &member.via)
    }

    /// The members that presence shows, if `is_open` is true for them.
    pub fn presence(&self, is_open: impl Fn(&S) -> bool) -> impl Iterator<Item = &Arc<ClientInfo>> {
        let visible = self.members.values().filter(move |member| member.present && is_open(&member.via));
        visible.map(|member| &member.info)
    }

    /// How many members are visible in presence, and the number of different users among them. The numbers are updated as
    /// members join and leave, so no search is needed. A member with a closed connection is counted until the channel has
    /// handled its leave.
    #[must_use]
    pub fn presence_stats(&self) -> PresenceStats {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        PresenceStats { clients: count(self.present), users: count(self.users.len()) }
    }

    /// Whether this connection is a member.
    #[must_use]
    pub fn has(&self, connection: ConnectionId) -> bool {
        self.members.contains_key(&connection)
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the channel has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Removes and returns every member.
    pub fn clear(&mut self) -> impl Iterator<Item = Member<S>> {
        let members: HashMap<_, _> = std::mem::take(&mut self.members);
        (self.join_leave, self.deltas, self.present, self.last) = (0, 0, 0, None);
        self.users = HashMap::new();
        members.into_values()
    }
}

impl<S> Member<S> {
    /// The member's description, if its join and leave are announced.
    pub fn announced(&self) -> Option<&Arc<ClientInfo>> {
        Some(&self.info).filter(|_| self.announced)
    }
}

#[cfg(test)]
#[path = "channel_members_tests.rs"]
mod tests;
