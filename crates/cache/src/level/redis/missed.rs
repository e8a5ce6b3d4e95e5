//! How far the log has been read, and what came after that: for levels above that outlive the process.

use redis::streams::StreamRangeReply;

use super::Shared;
use super::message::Message;
use crate::invalidate::Invalidation;
use crate::level::LevelError;

/// Entries per read.
const BATCH: usize = 1000;

/// A place in the log.
struct Position {
    epoch: u64,
    number: u64,
    /// Of the entry.
    id: String,
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut next = || words.next().filter(|word| !word.is_empty());
        Some(Self {
            epoch: next()?.parse().ok()?,
            number: next()?.parse().ok()?,
            id: next()?.to_owned(),
        })
    }

    /// The first id behind it.
    fn next_id(&self) -> Option<String> {
        let (time, count) = self.id.split_once('-')?;
        let (time, count): (u64, u64) = (time.parse().ok()?, count.parse().ok()?);
        Some(format!("{time}-{}", count.checked_add(1)?))
    }
}

impl Shared {
    /// Up to where everything has been passed on to the sinks.
    pub(super) fn position(&self) -> Option<String> {
        let local = self.local();
        let (epoch, number, id) = (local.epoch, local.number, &local.last_id);
        local.is_synced().then(|| format!("{epoch} {number} {id}"))
    }

    /// What was invalidated after `position`; `None`: the log does not say.
    pub(super) async fn missed_since(
        &self,
        position: &str,
    ) -> Result<Option<Vec<Invalidation>>, LevelError> {
        let (epoch, number) = {
            let local = self.local();
            (local.epoch, local.number)
        };
        if epoch == 0 {
            return Err(LevelError::CutOff);
        }
        let Some(mut at) = Position::parse(position).filter(|at| at.epoch == epoch) else {
            return Ok(None);
        };
        let mut missed = Vec::new();
        loop {
            let Some(from) = at.next_id() else {
                return Ok(None);
            };
            let mut cmd = redis::cmd("XRANGE");
            cmd.arg(&*self.names.log).arg(from).arg("+");
            cmd.arg("COUNT").arg(BATCH);
            let reply: StreamRangeReply = self.link.ask(&cmd).await?;
            if reply.ids.is_empty() {
                // Entries at the old end may have been cut off, all of them even.
                return Ok((at.number >= number).then_some(missed));
            }
            for entry in reply.ids {
                let Some(message) = Message::read(entry) else {
                    return Ok(None);
                };
                if message.epoch != epoch || Some(message.number) != at.number.checked_add(1) {
                    return Ok(None);
                }
                missed.extend(message.what);
                (at.number, at.id) = (message.number, message.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_position_is_none() {
        let at = Position::parse("5 9 17-3").unwrap();
        assert_eq!((at.epoch, at.number), (5, 9));
        assert_eq!(at.next_id().as_deref(), Some("17-4"));
        for text in ["", "5", "5 9", "5 9 ", "x 9 1-1", "5 -1 1-1"] {
            assert!(Position::parse(text).is_none(), "{text}");
        }
        for id in ["1", "x-1", "1-18446744073709551615"] {
            let at = Position::parse(&format!("5 9 {id}")).unwrap();
            assert_eq!(at.next_id(), None, "{id}");
        }
    }
}
