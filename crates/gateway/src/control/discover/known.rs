//! What is known of a name, and what an answer changes about it.
//!
//! # The rule
//! Only an answer with addresses takes addresses away. A name server that fails, or that says that a name which had
//! addresses a second ago does not exist, is far more often wrong than the servers are gone: emptying an upstream would
//! turn a mistake in DNS into an outage. What is gone for good is found by health checks.

use std::fmt;
use std::net::IpAddr;

/// Most addresses of one name, and most targets of one service.
pub(super) const MOST: usize = 256;

/// What a name server said about one type of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply<T> {
    /// There are some, for so many seconds.
    Found(Vec<T>, u32),
    /// There are none.
    Absent {
        /// True if there is not even the name.
        no_such_name: bool,
    },
    /// It is not known whether there are any.
    Failed(String),
}

/// What name servers said about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) v4: Reply<IpAddr>,
    pub(super) v6: Reply<IpAddr>,
}

/// Why a look-up changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists and has no records of the type.
    NoRecords,
    /// SERVFAIL, silence and the like.
    Failed(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchName => f.write_str("there is no such name (NXDOMAIN)"),
            Self::NoRecords => f.write_str("the name exists but has no records of this type"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// The addresses of a name, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    v4: Vec<IpAddr>,
    v6: Vec<IpAddr>,
}

impl Known {
    /// Takes in an answer; returns for how many seconds it holds.
    ///
    /// If only one of the two types could be asked for, what is known of the other is kept, and that is no trouble: some name
    /// servers never answer to AAAA.
    pub(super) fn take(&mut self, answer: Addresses) -> Result<u32, Trouble> {
        let ttl = match (&answer.v4, &answer.v6) {
            (Reply::Found(_, a), Reply::Found(_, b)) => *a.min(b),
            (Reply::Found(_, ttl), _) | (_, Reply::Found(_, ttl)) => *ttl,
            (Reply::Failed(why), _) | (_, Reply::Failed(why)) => {
                return Err(Trouble::Failed(why.clone()));
            }
            (Reply::Absent { no_such_name: a }, Reply::Absent { no_such_name: b }) => {
                return Err(absent(*a && *b));
            }
        };
        replace(&mut self.v4, answer.v4);
        replace(&mut self.v6, answer.v6);
        Ok(ttl)
    }

    /// All of them, IPv4 before IPv6, each in ascending order: the order of answers is shuffled by name servers and means
    /// nothing.
    pub(super) fn all(&self) -> Vec<IpAddr> {
        let all = self.v4.iter().chain(&self.v6);
        all.take(MOST).copied().collect()
    }
}

/// Why there are no records.
pub(super) fn absent(no_such_name: bool) -> Trouble {
    if no_such_name {
        Trouble::NoSuchName
    } else {
        Trouble::NoRecords
    }
}

fn replace(known: &mut Vec<IpAddr>, reply: Reply<IpAddr>) {
    match reply {
        Reply::Found(mut addresses, _) => {
            addresses.sort_unstable();
            addresses.dedup();
            addresses.truncate(MOST);
            *known = addresses;
        }
        Reply::Absent { .. } => known.clear(),
        Reply::Failed(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(addresses: &[&str], ttl: u32) -> Reply<IpAddr> {
        Reply::Found(
            addresses.iter().map(|one| one.parse().unwrap()).collect(),
            ttl,
        )
    }

    fn none(no_such_name: bool) -> Reply<IpAddr> {
        Reply::Absent { no_such_name }
    }

    fn failed() -> Reply<IpAddr> {
        Reply::Failed("no answer".into())
    }

    fn texts(known: &Known) -> Vec<String> {
        known.all().iter().map(ToString::to_string).collect()
    }

    fn dual() -> Known {
        let mut known = Known::default();
        let answer = Addresses {
            v4: found(&["10.0.0.2", "10.0.0.1", "10.0.0.2"], 30),
            v6: found(&["fd00::2", "fd00::1"], 20),
        };
        assert_eq!(known.take(answer), Ok(20));
        known
    }

    #[test]
    fn addresses_are_ordered_and_unique_and_ipv4_comes_first() {
        assert_eq!(
            texts(&dual()),
            ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"]
        );
    }

    #[test]
    fn nothing_is_forgotten_when_there_is_no_answer_with_addresses() {
        let missing = (none(true), none(true), Trouble::NoSuchName);
        let empty = (none(false), none(true), Trouble::NoRecords);
        let broken = (failed(), failed(), Trouble::Failed("no answer".into()));
        let half = (none(true), failed(), Trouble::Failed("no answer".into()));
        for (v4, v6, trouble) in [missing, empty, broken, half] {
            let mut known = dual();
            assert_eq!(known.take(Addresses { v4, v6 }), Err(trouble));
            assert_eq!(known.all().len(), 4);
        }
    }

    #[test]
    fn a_type_that_is_gone_goes_and_one_that_fails_is_kept() {
        let mut known = dual();
        let v4 = found(&["10.0.0.3"], 7);
        assert_eq!(
            known.take(Addresses {
                v4: v4.clone(),
                v6: failed()
            }),
            Ok(7)
        );
        assert_eq!(texts(&known), ["10.0.0.3", "fd00::1", "fd00::2"]);
        assert_eq!(
            known.take(Addresses {
                v4,
                v6: none(false)
            }),
            Ok(7)
        );
        assert_eq!(texts(&known), ["10.0.0.3"]);
    }

    #[test]
    fn no_more_addresses_than_the_limit() {
        let many =
            (0..=u16::MAX).map(|n| IpAddr::from([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]]));
        let mut known = Known::default();
        let v4 = Reply::Found(many.collect(), 1);
        assert_eq!(
            known.take(Addresses {
                v4,
                v6: found(&["fd00::1"], 1)
            }),
            Ok(1)
        );
        assert_eq!(known.all().len(), MOST);
    }
}
