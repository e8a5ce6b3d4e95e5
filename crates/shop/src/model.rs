//! What the shop is about: plain values, as queries give them and pages show them.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::money::Cents;

/// A product's number: from 1.
pub type ProductId = i32;

/// A department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// What addresses call it: `garden`.
    pub slug: String,
    /// What people call it: `Garden`.
    pub name: String,
}

/// How much of a product there is, as pages say it: so that a sale changes a page only when this changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// [`Availability::FEW`] or more.
    InStock,
    /// Fewer.
    Few,
    /// None.
    SoldOut,
}

impl Availability {
    /// Fewer than this many are few.
    pub const FEW: i32 = 10;

    /// What so many things in stock are.
    #[must_use]
    pub const fn of(count: i32) -> Self {
        match count {
            ..=0 => Self::SoldOut,
            1..Self::FEW => Self::Few,
            _ => Self::InStock,
        }
    }
}

/// A product in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its number.
    pub id: ProductId,
    /// What it is called.
    pub title: String,
    /// Who makes it.
    pub maker: String,
    /// What it costs.
    pub price: Cents,
    /// What it cost before, if that was more.
    pub list_price: Option<Cents>,
    /// Its department.
    pub category: Category,
    /// Whether there is any.
    pub availability: Availability,
}

/// A product on its own page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// What lists show of it.
    pub card: Card,
    /// Paragraphs, separated by empty lines.
    pub description: String,
    /// Name and value: `Material`, `oak`.
    pub details: Vec<(String, String)>,
    /// How many were sold so far.
    pub sold: i64,
    /// What goes with it (TPC-W: five related items).
    pub related: Vec<Card>,
}

/// The first page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// All departments with how many products are in each.
    pub categories: Vec<(Category, i64)>,
    /// Some of the newest.
    pub new: Vec<Card>,
    /// Some of what sells best.
    pub best: Vec<Card>,
    /// Orders so far, for "trusted by".
    pub orders: i64,
}

/// A list of products: new ones or best sellers, of the whole shop or a department.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The department, if it is of one.
    pub category: Option<Category>,
    /// In their order; with how many were sold where that is the order.
    pub products: Vec<(Card, Option<i64>)>,
}

/// What was searched for: text and department, either may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Query {
    /// Words.
    pub text: String,
    /// The slug of a department.
    pub category: Option<String>,
    /// From 1, at most [`Query::MOST_PAGES`].
    pub page: u32,
}

impl Query {
    /// Products of a page.
    pub const PAGE: u32 = 24;
    /// Nobody turns more pages, and each costs more than the last.
    pub const MOST_PAGES: u32 = 50;
    /// Bytes of text that are read.
    pub const LONGEST: usize = 100;
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// One page of it.
    pub products: Vec<Card>,
    /// How many there are in all.
    pub count: i64,
}

/// One kind of thing in a basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    /// The product as it is now.
    pub product: Card,
    /// How many: 1 to [`Cart::MOST_OF_ONE`].
    pub quantity: i32,
}

/// A basket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// In the order in which they were put in.
    pub lines: Vec<CartLine>,
}

impl Cart {
    /// Most things of one kind.
    pub const MOST_OF_ONE: i32 = 20;
    /// Most kinds of things.
    pub const MOST_LINES: usize = 50;

    /// What it all costs.
    #[must_use]
    pub fn total(&self) -> Cents {
        let costs = |line: &CartLine| line.product.price.0 * i64::from(line.quantity);
        Cents(self.lines.iter().map(costs).sum())
    }

    /// How many things are in it.
    #[must_use]
    pub fn count(&self) -> i32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Their number.
    pub id: i64,
    /// What they are called.
    pub name: String,
    /// Lower case.
    pub mail: String,
}

/// Where an order goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives it.
    pub name: String,
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// Town.
    pub city: String,
    /// Country.
    pub country: String,
}

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Placed and paid for.
    Paid,
    /// The worker has seen it: being packed.
    Processing,
    /// On its way (past orders).
    Shipped,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// What customers call it; cannot be guessed from another one.
    pub number: String,
    /// When it was placed.
    pub placed: SystemTime,
    /// What it cost.
    pub total: Cents,
    /// How it stands.
    pub status: Status,
    /// How many things.
    pub count: i64,
}

/// One kind of thing in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The product.
    pub product: ProductId,
    /// What it is called.
    pub title: String,
    /// How many.
    pub quantity: i32,
    /// What one cost when it was ordered.
    pub price: Cents,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What lists show of it.
    pub summary: OrderSummary,
    /// Where it goes.
    pub address: Address,
    /// What was ordered.
    pub lines: Vec<OrderLine>,
}

/// What an administrator sees of a product and may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// As customers see it.
    pub card: Card,
    /// How many there are.
    pub available: i32,
}
