//! Accounts and logging in.
//!
//! # The idea
//! Passwords are hashed with Argon2id, which is dear on purpose: tens of milliseconds and 19 MiB each. So it is done on threads of its own, and on no more of them than there
//! are cores; who would wait for longer than two seconds, or behind too many others, is told to come back, rather than that logging in takes the shop down. Who has
//! no account waits as long as who has a wrong password.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::model::Customer;
use crate::rows::row;
use crate::session::{Session, Token};
use crate::{Error, Shop};

/// Memory in KiB, rounds and lanes: the second of OWASP's equal choices for Argon2id
/// (cheatsheetseries.owasp.org, Password Storage Cheat Sheet).
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Characters of a password: at least as NIST SP 800-63B-4 allows with a second factor, at most so that hashing a long one is no attack.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;
/// Characters of a name.
const NAME: usize = 100;
/// Characters of a mail address (RFC 5321, section 4.5.3.1.3, with the erratum 1690).
const MAIL: usize = 254;
/// How long somebody waits for a thread to be hashed on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Of no password that anybody has, for mails that nobody has.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let password = crate::random::bytes::<16>().unwrap_or_default();
    hash(&format!("{password:?}")).unwrap_or_default()
});

/// How many may wait for a thread, for each connection to the database: half of what may be under way in all (`web::WAITING`), so that those who only look are
/// let in whatever is done to the door.
const WAITING: usize = 4;

/// Threads on which passwords are hashed.
#[derive(Clone, Debug)]
pub(crate) struct Hashing {
    threads: Arc<Semaphore>,
    /// A place for everyone who is hashed or waits.
    places: Arc<Semaphore>,
}

impl Hashing {
    /// For a shop with so many connections to the database. Must be called within a runtime.
    pub(crate) fn new(pool: usize) -> Self {
        // Now, and not while the first one without an account waits.
        drop(tokio::task::spawn_blocking(|| LazyLock::force(&NOBODY)));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            threads: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(pool.max(1) * WAITING)),
        }
    }

    /// Runs this on one of them.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none is free in time.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let busy = || {
            let told = "too many people are logging in at the moment";
            Error::Unavailable(told.to_owned())
        };
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        let permit = tokio::time::timeout(PATIENCE, self.threads.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(busy());
        };
        // The permit goes with the work: a visitor who leaves does not make room for another while the work goes on.
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        work.await
            .map_err(|_| Error::Unavailable("the shop is closing".to_owned()))
    }
}

impl Shop {
    /// Makes an account and logs in: a new session (with the basket of the old one), because whoever knew the old token must not know this one.
    ///
    /// # Errors
    /// [`Error::MailTaken`], [`Error::Invalid`].
    pub async fn register(
        &self,
        old: Option<&Token>,
        name: &str,
        mail: &str,
        password: &str,
    ) -> Result<Session, Error> {
        let (name, mail) = validated(name, mail, password)?;
        let password = password.to_owned();
        let hash = self.hashing.run(move || hash(&password)).await??;
        let client = self.database.get().await?;
        let sql = "INSERT INTO customers (mail, name, password_hash) VALUES ($1, $2, $3)
            ON CONFLICT (mail) DO NOTHING RETURNING id";
        let made = row(&client, sql, &[&mail, &name, &hash]).await?;
        drop(client);
        let id = made.ok_or(Error::MailTaken)?.get(0);
        let customer = Customer { id, name, mail };
        self.renew_session(old, Some(customer)).await
    }

    /// Logs in: a new session, as [`Shop::register`].
    ///
    /// # Errors
    /// [`Error::WrongPassword`]; [`Error::Unavailable`] when too many are logging in already (hashing is dear on purpose).
    pub async fn log_in(
        &self,
        old: Option<&Token>,
        mail: &str,
        password: &str,
    ) -> Result<Session, Error> {
        // Whether it can be a password at all says nothing about accounts.
        if !PASSWORD.contains(&password.chars().count()) {
            return Err(Error::WrongPassword);
        }
        let found = match address(mail) {
            Some(mail) => {
                let client = self.database.get().await?;
                let sql = "SELECT id, name, mail, password_hash FROM customers WHERE mail = $1";
                row(&client, sql, &[&mail]).await?
            }
            None => None,
        };
        let stored: Option<String> = found.as_ref().map(|row| row.get(3));
        let password = password.to_owned();
        let verify = move || is_password(&password, stored.as_deref().unwrap_or(&NOBODY));
        let is_theirs = self.hashing.run(verify).await?;
        let found = found.filter(|_| is_theirs).ok_or(Error::WrongPassword)?;
        let customer = Customer {
            id: found.get(0),
            name: found.get(1),
            mail: found.get(2),
        };
        self.renew_session(old, Some(customer)).await
    }
}

/// What is stored of a password.
///
/// # Errors
/// When the system has no random numbers for the salt.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let broken =
        |error: &dyn std::fmt::Display| Error::Broken(format!("hashing a password: {error}"));
    let (memory, rounds, lanes) = COST;
    let cost = Params::new(memory, rounds, lanes, None).map_err(|error| broken(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    let hash: PasswordHash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| broken(&error))?;
    Ok(hash.to_string())
}

/// With the cost that stands in the hash, so that old ones are good after it was raised.
fn is_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Name and mail as they are stored.
fn validated(name: &str, mail: &str, password: &str) -> Result<(String, String), Error> {
    let mut wrong = Vec::new();
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.contains(char::is_control) {
        wrong.push(("name", format!("give a name of 1 to {NAME} characters")));
    }
    let mail = address(mail);
    if mail.is_none() {
        wrong.push((
            "mail",
            "give a mail address, such as ada@example.com".to_owned(),
        ));
    }
    if !PASSWORD.contains(&password.chars().count()) {
        let (least, most) = (PASSWORD.start(), PASSWORD.end());
        wrong.push((
            "password",
            format!("give a password of {least} to {most} characters"),
        ));
    }
    match mail {
        Some(mail) if wrong.is_empty() => Ok((name.to_owned(), mail)),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// A mail address in small letters. Whether it is right only a mail can tell; this refuses what cannot be one, and letters outside of ASCII,
/// of which databases disagree what their small ones are.
fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let is_good = text.len() <= MAIL
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && (1..=64).contains(&local.len())
        && !local.contains('@')
        && domain.contains('.')
        && domain
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 63)
        && domain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_good.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::future::{Future as _, poll_fn};
    use std::task::Poll;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_password_is_verified_and_not_stored() {
        let stored = hash("tenfold demo").expect("hashed");
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(is_password("tenfold demo", &stored));
        assert!(!is_password("tenfold demo ", &stored));
        assert_ne!(hash("tenfold demo").expect("hashed"), stored);
        assert!(!is_password("", ""));
        assert!(!is_password("x", "$argon2id$nonsense"));
    }

    #[tokio::test]
    async fn who_would_wait_behind_too_many_is_told_so_at_once() {
        let hashing = Hashing::new(1);
        // No thread is free, and nobody is done.
        let _threads = hashing.threads.try_acquire_many(
            u32::try_from(hashing.threads.available_permits()).expect("not that many cores"),
        );
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(hashing.run(|| ()))).collect();
        for one in &mut waiting {
            let waits = poll_fn(|context| Poll::Ready(one.as_mut().poll(context).is_pending()));
            assert!(waits.await);
        }
        let refused = hashing.run(|| ()).now_or_never();
        assert!(
            matches!(refused, Some(Err(Error::Unavailable(_)))),
            "{refused:?}"
        );
        // Who leaves makes room.
        waiting.pop();
        assert!(hashing.run(|| ()).now_or_never().is_none());
    }

    #[test]
    fn mails_are_those_that_can_be() {
        assert_eq!(
            address(" Ada@Example.COM "),
            Some("ada@example.com".to_owned())
        );
        for no in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a@b@example.com",
            "ada@.com",
            "ada@example.",
            "ada @example.com",
            "ada@exa\0mple.com",
            "ädä@example.com",
            "ada@exämple.com",
            &format!("{}@example.com", "a".repeat(65)),
            &format!("a@{}.com", "b".repeat(300)),
        ] {
            assert_eq!(address(no), None, "{no}");
        }
    }

    #[test]
    fn each_field_that_is_wrong_is_named() {
        let told = validated(" ", "x", "short").expect_err("refused");
        let Error::Invalid(fields) = told else {
            panic!("{told}")
        };
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["name", "mail", "password"]);
        assert!(validated("Ada\0", "a@b.de", "12345678").is_err());
        assert!(validated("Ada", "a@b.de", "12345678").is_ok());
    }
}
