//! Customers: names, addresses, and since when.

use super::random::{Random, Stream};
use super::words::{FAMILY, GIVEN, STREETS, TOWNS};
use super::{BEGIN, DAY, Size, UNTIL};

/// The password of every seeded customer.
pub const DEMO_PASSWORD: &str = "tenfold demo";

/// Its argon2id hash with the parameters that OWASP recommends first. Written down, because a new salt each time would make each shop another one, and
/// because nobody has to guess it anyhow.
pub(super) const DEMO_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZmllbGRob3VzZSBkZW1vIQ$p4X5lNlfFI/jjEJw+5zZ4fxcUDwOoIjb9TF4HfeJdGU";

/// A customer.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    /// What they are called.
    pub(super) name: String,
    /// Since when, in seconds since 1970.
    pub(super) created: i64,
    /// Street and number.
    pub(super) street: String,
    /// Postcode, town, country.
    pub(super) town: &'static (&'static str, &'static str, &'static str),
}

/// The customer of this number, from 1.
pub(super) fn one(size: &Size, id: i64) -> Customer {
    let mut random = Random::of(size.seed, Stream::Customer, id);
    let name = format!("{} {}", random.pick(GIVEN), random.pick(FAMILY));
    let street = format!("{} {}", random.pick(STREETS), random.between(1, 120));
    Customer {
        name,
        street,
        town: random.pick(TOWNS),
        created: created(size, id),
    }
}

/// How many customers there were at this time: at least one.
pub(super) fn until(size: &Size, time: i64) -> i64 {
    let since = time - FIRST;
    let count = i128::from(since) * i128::from(size.customers) / i128::from(UNTIL - FIRST);
    (count as i64).clamp(1, size.customers)
}

/// The first customer came before the first order.
const FIRST: i64 = BEGIN - 365 * DAY;

/// They come evenly.
fn created(size: &Size, id: i64) -> i64 {
    let span = i128::from(UNTIL - FIRST);
    FIRST + (span * i128::from(id - 1) / i128::from(size.customers)) as i64
}

/// The mail address of this customer.
pub(super) fn mail(id: i64) -> String {
    format!("customer-{id}@example.com")
}

#[cfg(test)]
mod tests {
    use argon2::{Argon2, PasswordVerifier as _};

    use super::*;

    const SIZE: Size = Size {
        seed: 1,
        products: 10,
        customers: 20_000,
        orders: 0,
    };

    #[test]
    fn the_password_fits_its_hash() {
        let fits = Argon2::default().verify_password(DEMO_PASSWORD.as_bytes(), DEMO_HASH);
        assert!(fits.is_ok(), "{fits:?}");
        assert!(DEMO_HASH.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn whoever_is_counted_has_come() {
        for time in [BEGIN, BEGIN + 17 * DAY + 5, UNTIL - 1] {
            let count = until(&SIZE, time);
            assert!(one(&SIZE, count).created <= time, "{time}");
        }
        assert_eq!(
            until(
                &Size {
                    customers: 1,
                    ..SIZE
                },
                BEGIN
            ),
            1
        );
    }
}
