//! A mix as a file of `tenfold load`.
//!
//! # The idea
//! What the rehearsal does anybody can do again: it is a file in the language of load tests, made from one template, read by the same
//! machinery as everybody's. Nothing of the load is hidden in the program.

use std::fmt::Write as _;
use std::time::Duration;

use tenfold::load_file;
pub(crate) use tenfold_load::Test;

use super::{Chain, HOME, Mix, PAGES};
use crate::command::Refusal;

/// The template; `«name»` is filled in.
const TEMPLATE: &str = include_str!("../../files/tpcw.toml");

/// Mean time between two pages of a visitor (TPC-W clause 5.3.2.1).
pub(crate) const THINK_MEAN: Duration = Duration::from_secs(7);
/// Longest such time.
pub(crate) const THINK_MOST: Duration = Duration::from_secs(70);
/// Of buyers, who is new (TPC-W clause 2.5: 80 % are known customers).
const NEW_CUSTOMERS: f64 = 0.2;
const NEW_CUSTOMER: &str = "buy request of a new customer";
/// The address form.
const COUNTRY: &str = "Netherlands";
/// Pay on account.
const CARD: &str = "account";

/// Words that the shop's products have in their names, the most popular first.
pub(crate) const WORDS: [&str; 20] = [
    "teapot", "lamp", "chair", "oak", "linen", "garden", "steel", "notebook", "basket", "kettle",
    "blanket", "wool", "desk", "shelf", "mirror", "vase", "candle", "knife", "pan", "rug",
];

/// How much of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Amount {
    /// Visitors arrive as strangers do, so that they see so many pages per second: first for a warm-up, then what is measured.
    Rate {
        /// Page views per second.
        pages: f64,
        /// What is left out.
        warm_up: Duration,
        /// What is measured.
        measured: Duration,
    },
    /// So many visitors who do not think, one number after the other, each for as long.
    Crowd {
        /// How many visitors.
        levels: Vec<u32>,
        /// Each number of them.
        each: Duration,
    },
}

/// What is in the shop.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Catalogue {
    /// Products have the numbers 1 to this.
    pub(crate) products: u64,
    /// Customers, likewise.
    pub(crate) customers: u64,
    /// Names of categories as addresses have them.
    pub(crate) categories: Vec<String>,
}

/// A load test of a mix.
#[derive(Clone, Debug)]
pub(crate) struct LoadFile<'a> {
    /// What reports call it.
    pub(crate) name: &'a str,
    /// `http://127.0.0.1:8080`.
    pub(crate) target: &'a str,
    pub(crate) mix: Mix,
    pub(crate) amount: Amount,
    pub(crate) catalogue: &'a Catalogue,
    /// The administrator's token, or how it is to be read.
    pub(crate) token: &'a str,
    /// By what think times are divided.
    pub(crate) faster: f64,
    /// How long answers are waited for after the end.
    pub(crate) grace: Duration,
    pub(crate) seed: u64,
}

impl LoadFile<'_> {
    /// The file.
    pub(crate) fn text(&self) -> String {
        let catalogue = self.catalogue;
        let millis = |time: Duration| format!("{}ms", (time.as_secs_f64() * 1e3).round().max(1.0));
        let think = |time: Duration| match self.amount {
            // Its only use is to find out how much there can be.
            Amount::Crowd { .. } => Duration::from_millis(1),
            Amount::Rate { .. } => time.div_f64(self.faster),
        };
        let fill = [
            ("name", self.name.to_owned()),
            ("mix", self.mix.name().to_owned()),
            ("target", self.target.to_owned()),
            ("pages", self.mix.pages().to_string()),
            ("faster", self.faster.to_string()),
            ("zipf", self.mix.zipf().to_string()),
            ("mean", millis(think(THINK_MEAN))),
            ("most", millis(think(THINK_MOST))),
            ("seed", self.seed.to_string()),
            ("grace", millis(self.grace)),
            ("phases", self.phases()),
            ("markov", markov(&self.mix.chain(), self.mix.pages())),
            ("products", catalogue.products.to_string()),
            ("customers", catalogue.customers.to_string()),
            ("quiet", (catalogue.products / 2 + 1).to_string()),
            ("country", COUNTRY.to_owned()),
            ("card", CARD.to_owned()),
            ("token", self.token.to_owned()),
        ];
        let filled = fill
            .iter()
            .fold(TEMPLATE.to_owned(), |text, (name, value)| {
                text.replace(&format!("«{name}»"), value)
            });
        match self.amount {
            Amount::Rate { .. } => filled,
            Amount::Crowd { .. } => filled.replace("arrivals = \"poisson\"\n", ""),
        }
    }

    fn phases(&self) -> String {
        let mut out = String::new();
        match &self.amount {
            Amount::Rate {
                pages,
                warm_up,
                measured,
            } => {
                let visits = pages / self.mix.pages();
                for (name, time, is_warm_up) in [
                    ("warm-up", warm_up, true),
                    (self.mix.name(), measured, false),
                ] {
                    if !time.is_zero() {
                        let seconds = time.as_millis();
                        let _infallible = writeln!(
                            out,
                            "[[phase]]\nname = \"{name}\"\nduration = \"{seconds}ms\"\nrate = {visits:.4}\nwarm_up = {is_warm_up}\n"
                        );
                    }
                }
            }
            Amount::Crowd { levels, each } => {
                if let Some(first) = levels.first() {
                    let _infallible = writeln!(
                        out,
                        "[[phase]]\nname = \"warm-up\"\nduration = \"{}ms\"\nusers = {first}\nwarm_up = true\n",
                        each.as_millis()
                    );
                }
                for users in levels {
                    let _infallible = writeln!(
                        out,
                        "[[phase]]\nname = \"{users} visitors\"\nduration = \"{}ms\"\nusers = {users}\n",
                        each.as_millis()
                    );
                }
            }
        }
        out
    }

    /// The words of the search, each as often as it is looked for.
    pub(crate) fn words() -> String {
        let mut out = "word\n".to_owned();
        for (rank, word) in WORDS.iter().enumerate() {
            for _ in 0..(60 / (rank + 1)) {
                out += word;
                out.push('\n');
            }
        }
        out
    }

    fn categories(&self) -> String {
        let mut out = "slug\n".to_owned();
        for slug in &self.catalogue.categories {
            out += slug;
            out.push('\n');
        }
        out
    }

    /// The test.
    ///
    /// # Errors
    /// When the shop's names of categories are such that no file can be made of them.
    pub(crate) fn test(&self) -> Result<Test, Refusal> {
        let (words, categories) = (Self::words(), self.categories());
        let others = [
            ("words.csv", words.as_bytes()),
            ("categories.csv", categories.as_bytes()),
        ];
        let loaded = load_file::load_text("tpcw.toml", self.text().as_bytes(), &others);
        let loaded = loaded.map_err(|errors| {
            Refusal::new(
                format!("the rehearsal's load test cannot be read: {errors}"),
                "this is a defect; please report it",
            )
        })?;
        Ok(loaded.test)
    }
}

/// A page as scenarios have it: of buyers some are new.
fn scenarios(page: &'static str) -> Vec<(&'static str, f64)> {
    match page {
        "buy request" => vec![(page, 1.0 - NEW_CUSTOMERS), (NEW_CUSTOMER, NEW_CUSTOMERS)],
        _ => vec![(page, 1.0)],
    }
}

/// `[markov.next]`, with leaving in place of a share of the ways home.
fn markov(chain: &Chain, pages: f64) -> String {
    let leaving = chain.leaving(HOME, pages);
    let mut out = String::new();
    for (from, page) in PAGES.iter().enumerate() {
        for (name, _) in scenarios(page) {
            let mut ways = Vec::new();
            for (to, next) in PAGES.iter().enumerate() {
                let share = match to {
                    HOME => chain.next(from, to) * (1.0 - leaving),
                    _ => chain.next(from, to),
                };
                for (next, part) in scenarios(next) {
                    let share = share * part;
                    if share >= 5e-6 {
                        ways.push(format!("\"{next}\" = {share:.5}"));
                    }
                }
            }
            let _infallible = writeln!(out, "\"{name}\" = {{ {} }}", ways.join(", "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use tenfold_load::test::{Arrivals, Load, Mix as Chosen};

    use super::*;

    /// The page that a scenario is a view of.
    fn page_of(scenario: &str) -> Option<usize> {
        let page = match scenario {
            NEW_CUSTOMER => "buy request",
            other => other,
        };
        PAGES.iter().position(|name| *name == page)
    }

    fn catalogue() -> Catalogue {
        Catalogue {
            products: 10_000,
            customers: 20_000,
            categories: vec!["teapots".into(), "lamps".into()],
        }
    }

    fn file(mix: Mix, amount: Amount, catalogue: &Catalogue) -> LoadFile<'_> {
        LoadFile {
            name: "a test",
            target: "http://127.0.0.1:8080",
            mix,
            amount,
            catalogue,
            token: "secret",
            faster: 20.0,
            grace: Duration::from_secs(3),
            seed: 1,
        }
    }

    fn rate() -> Amount {
        Amount::Rate {
            pages: 80.0,
            warm_up: Duration::from_secs(2),
            measured: Duration::from_secs(10),
        }
    }

    /// Follows the chain of a test as its sessions do, from one to the next, and counts pages and visits.
    fn walk(test: &Test) -> (Vec<f64>, f64) {
        let Chosen::Markov(markov) = &test.mix else {
            panic!("not a chain: {:?}", test.mix);
        };
        let names: Vec<_> = test.scenarios.iter().map(|one| one.name.as_str()).collect();
        let count = names.len();
        let mut seen = markov.start.clone();
        let mut sums = vec![0.0; count];
        for _ in 0..2000 {
            let mut after = vec![0.0; count];
            for (from, share) in seen.iter().enumerate() {
                sums[from] += share;
                for (to, next) in markov.next[from].iter().enumerate() {
                    after[to] += share * next;
                }
            }
            seen = after;
        }
        let pages: f64 = sums.iter().sum();
        let mut shares = vec![0.0; PAGES.len()];
        for (name, sum) in names.iter().zip(&sums) {
            shares[page_of(name).expect("every scenario is a page")] += 100.0 * sum / pages;
        }
        (shares, pages)
    }

    #[test]
    fn the_file_of_each_mix_has_its_shares_and_the_length_of_its_visits() {
        let catalogue = catalogue();
        for mix in [Mix::Browsing, Mix::Shopping, Mix::Ordering] {
            let test = file(mix, rate(), &catalogue).test().expect("a right file");
            let (shares, pages) = walk(&test);
            assert!(
                (pages - mix.pages()).abs() < 0.05,
                "{}: {pages}",
                mix.name()
            );
            let allowed = if mix == Mix::Shopping { 1.0 } else { 0.05 };
            for ((share, wanted), page) in shares.iter().zip(mix.published()).zip(PAGES) {
                assert!(
                    (share - wanted).abs() < allowed,
                    "{} {page}: {share} for {wanted}",
                    mix.name()
                );
            }
        }
    }

    #[test]
    fn arrivals_are_visits_and_strangers_to_each_other() {
        let catalogue = catalogue();
        let test = file(Mix::Shopping, rate(), &catalogue)
            .test()
            .expect("right");
        assert_eq!(test.arrivals, Arrivals::Poisson);
        assert!(
            matches!(test.phases[1].load, Load::Rate { from, to } if from == 10.0 && to == 10.0)
        );
        assert!(test.phases[0].is_warm_up && !test.phases[1].is_warm_up);
        let amount = Amount::Crowd {
            levels: vec![1, 8],
            each: Duration::from_millis(1500),
        };
        let crowd = file(Mix::Shopping, amount, &catalogue)
            .test()
            .expect("right");
        assert!(!crowd.is_open());
        let users = |at: usize| (&crowd.phases[at].load, crowd.phases[at].is_warm_up);
        assert_eq!(users(0), (&Load::Users { from: 1, to: 1 }, true));
        assert_eq!(users(1), (&Load::Users { from: 1, to: 1 }, false));
        assert_eq!(users(2), (&Load::Users { from: 8, to: 8 }, false));
    }

    #[test]
    fn nothing_is_left_to_fill_in_and_a_token_of_the_environment_is_only_named() {
        let catalogue = catalogue();
        let text = file(Mix::Browsing, rate(), &catalogue).text();
        assert!(!text.contains(['«', '»']), "{text}");
        let mut shown = file(Mix::Browsing, rate(), &catalogue);
        shown.token = "${env:SHOP_TOKEN}";
        assert!(shown.text().contains("Bearer ${env:SHOP_TOKEN}"));
    }

    #[test]
    fn popular_words_are_looked_for_more_often() {
        let words = LoadFile::words();
        let of = |word: &str| words.lines().filter(|line| *line == word).count();
        assert_eq!((of("teapot"), of("lamp"), of("rug")), (60, 30, 3));
    }
}
