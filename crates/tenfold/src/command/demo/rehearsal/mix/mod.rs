//! What visitors do: the three mixes of TPC-W, on the pages of the reference shop.
//!
//! A normal day is the *browsing* mix, Black Friday the *shopping* mix, the minute of the drop the *ordering* mix. Shares of
//! pages and the transitions of the shopping mix are TPC-W's (version 1.8, clauses 5.2 and 5.3); transitions of the other two are the
//! closest that have their shares ([`Chain::fitted`]).

mod chain;
mod file;

use serde::Serialize;

pub(crate) use chain::Chain;
pub(crate) use file::{Amount, Catalogue, LoadFile, Test, WORDS};

/// Pages in the order of TPC-W's table. Names are those of the scenarios.
pub(crate) const PAGES: [&str; 14] = [
    "home",
    "new products",
    "best sellers",
    "product",
    "search",
    "results",
    "cart",
    "registration",
    "buy request",
    "buy confirm",
    "order inquiry",
    "order display",
    "admin request",
    "admin confirm",
];

const HOME: usize = 0;
const NEW: usize = 1;
const BEST: usize = 2;
const PRODUCT: usize = 3;
const SEARCH: usize = 4;
const RESULTS: usize = 5;
const CART: usize = 6;
const REGISTER: usize = 7;
const BUY: usize = 8;
const CONFIRM: usize = 9;
const INQUIRY: usize = 10;
const DISPLAY: usize = 11;
const ADMIN: usize = 12;
const ADMIN_CONFIRM: usize = 13;

/// What of TPC-W's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mix {
    /// A normal day: 95 % looking, 5 % buying.
    Browsing,
    /// Black Friday: 80 % and 20 %.
    Shopping,
    /// The minute of the drop: half and half.
    Ordering,
}

impl Mix {
    pub(crate) const ALL: [Self; 3] = [Self::Browsing, Self::Shopping, Self::Ordering];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Browsing => "browsing",
            Self::Shopping => "shopping",
            Self::Ordering => "ordering",
        }
    }

    /// Shares of the pages as TPC-W publishes them, in percent.
    pub(crate) fn published(self) -> [f64; 14] {
        match self {
            Self::Browsing => [
                29.0, 11.0, 11.0, 21.0, 12.0, 11.0, 2.0, 0.82, 0.75, 0.69, 0.30, 0.25, 0.10, 0.09,
            ],
            Self::Shopping => [
                16.0, 5.0, 5.0, 17.0, 20.0, 17.0, 11.6, 3.0, 2.6, 1.2, 0.75, 0.66, 0.10, 0.09,
            ],
            Self::Ordering => [
                9.12, 0.46, 0.46, 12.35, 14.53, 13.08, 13.53, 12.86, 12.73, 10.18, 0.25, 0.22,
                0.12, 0.11,
            ],
        }
    }

    /// How popular popular products are: the exponent of Zipf's law. In a sale more people want the same.
    pub(crate) fn zipf(self) -> f64 {
        match self {
            Self::Browsing => 0.99,
            Self::Shopping | Self::Ordering => 1.1,
        }
    }

    /// Pages of a visit on average. TPC-W says nothing of it, as its visits end by the clock: who only looks leaves earlier than who buys.
    pub(crate) fn pages(self) -> f64 {
        match self {
            Self::Browsing => 6.0,
            Self::Shopping => 8.0,
            Self::Ordering => 12.0,
        }
    }

    /// Which page leads to which.
    pub(crate) fn chain(self) -> Chain {
        let shopping = shopping();
        match self {
            Self::Shopping => shopping,
            Self::Browsing | Self::Ordering => {
                let shares = self.published();
                let sum: f64 = shares.iter().sum();
                let shares: Vec<_> = shares.iter().map(|share| share / sum).collect();
                Chain::fitted(&shopping, &shares)
            }
        }
    }
}

/// The transitions of the shopping mix, in percent. Rows of the orders and of the administrator follow from the published shares: nine of
/// ten go on, the others go home or search.
fn shopping() -> Chain {
    let rows: [&[(usize, f64)]; 14] = [
        &[
            (BEST, 31.0),
            (NEW, 31.0),
            (INQUIRY, 5.0),
            (SEARCH, 3.0),
            (CART, 30.0),
        ],
        &[(HOME, 2.0), (PRODUCT, 96.0), (CART, 2.0)],
        &[(HOME, 2.0), (PRODUCT, 3.0), (SEARCH, 95.0)],
        &[
            (ADMIN, 0.6),
            (HOME, 8.0),
            (PRODUCT, 5.0),
            (SEARCH, 72.4),
            (CART, 14.0),
        ],
        &[(HOME, 6.0), (RESULTS, 85.0), (CART, 9.0)],
        &[(HOME, 27.0), (PRODUCT, 66.0), (CART, 7.0)],
        &[(REGISTER, 26.0), (HOME, 74.0)],
        &[(BUY, 87.0), (HOME, 1.0), (SEARCH, 12.0)],
        &[(CONFIRM, 46.0), (HOME, 19.0), (CART, 35.0)],
        &[(SEARCH, 99.0), (HOME, 1.0)],
        &[(DISPLAY, 88.0), (HOME, 1.0), (SEARCH, 11.0)],
        &[(SEARCH, 99.0), (HOME, 1.0)],
        &[(ADMIN_CONFIRM, 90.0), (HOME, 10.0)],
        &[(HOME, 100.0)],
    ];
    let row = |row: &&[(usize, f64)]| {
        let mut shares = vec![0.0; PAGES.len()];
        for (page, share) in *row {
            shares[*page] = *share;
        }
        shares
    };
    Chain::new(rows.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference between the shares of the chain and the published ones, in percentage points.
    fn worst(mix: Mix) -> f64 {
        let (shares, published) = (mix.chain().shares(), mix.published());
        let off = |(share, published): (&f64, &f64)| (share * 100.0 - published).abs();
        shares.iter().zip(&published).map(off).fold(0.0, f64::max)
    }

    #[test]
    fn shares_are_the_published_ones() {
        assert!(worst(Mix::Browsing) < 0.02, "{}", worst(Mix::Browsing));
        assert!(worst(Mix::Ordering) < 0.02, "{}", worst(Mix::Ordering));
        // Transitions in whole percent do not give shares of two digits.
        assert!(worst(Mix::Shopping) < 1.0, "{}", worst(Mix::Shopping));
    }

    #[test]
    fn nobody_pays_who_was_not_at_the_till() {
        for mix in Mix::ALL {
            let chain = mix.chain();
            for (page, needs) in [
                (REGISTER, CART),
                (BUY, REGISTER),
                (CONFIRM, BUY),
                (RESULTS, SEARCH),
                (DISPLAY, INQUIRY),
                (ADMIN_CONFIRM, ADMIN),
            ] {
                let others = (0..PAGES.len()).filter(|from| *from != needs);
                let ways: f64 = others.map(|from| chain.next(from, page)).sum();
                assert_eq!(ways, 0.0, "{} {}", mix.name(), PAGES[page]);
                assert!(chain.next(needs, page) > 0.0);
            }
        }
    }

    #[test]
    fn visits_can_be_as_long_as_they_are_to_be() {
        for mix in Mix::ALL {
            let chain = mix.chain();
            let leaving = chain.leaving(HOME, mix.pages());
            assert!(leaving < 1.0, "{}: {leaving}", mix.name());
            let length = 1.0 / (leaving * chain.shares()[HOME]);
            assert!((length - mix.pages()).abs() < 1e-6);
        }
    }
}
