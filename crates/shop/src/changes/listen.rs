//! Hearing of changes.

use crate::catalog::Cached;
use crate::database::Database;
use crate::database::listen::Heard;

use super::{CHANNEL, Purger, collected, tags};

/// Listens for ever: forgets and purges what has changed, and trusts nothing that is kept while it cannot hear.
pub(crate) async fn listen(database: Database, cached: Option<Cached>, purger: Purger) {
    let mut line = database.listen(CHANNEL);
    loop {
        match line.next().await {
            Heard::Back => {
                // Whatever changed before is not known.
                if let Some(cached) = &cached {
                    cached.forget_all().await;
                }
                purger.purge(&[tags::SHOP.to_owned()]);
            }
            Heard::Lost => {
                if let Some(cached) = &cached {
                    cached.distrust();
                }
            }
            Heard::Alive(since) => {
                if let Some(cached) = &cached {
                    cached.trust(since);
                }
            }
            Heard::Told(message) => {
                let tags = collected(&message);
                if let Some(cached) = &cached {
                    cached.forget(&tags).await;
                }
                purger.purge(&tags);
            }
        }
    }
}
