//! Products: what each is called, costs and looks like in words.
//!
//! # The idea
//! A title is a material, a kind and a model, as in a shop that makes its own catalogue; everything else follows from the kind, so that a
//! description does not contradict the details. Departments have equally many products, mixed, so that the most popular ones (the first; load
//! follows Zipf by number) are from all of them.

use std::collections::HashSet;

use super::departments::{DEPARTMENTS, Department, Kind};
use super::materials::{Shape, Traits};
use super::random::{Random, Stream};
use super::words::{GENERAL, MAKERS, MODELS, ORIGINS, SENTENCES};
use super::{BEGIN, DAY, Size, UNTIL};

/// A product.
#[derive(Clone, Debug)]
pub(super) struct Product {
    /// From 1: also its rank in popularity, about.
    pub(super) id: i32,
    /// Its department, from 0.
    pub(super) department: usize,
    /// What it is called: no two the same.
    pub(super) title: String,
    /// Who makes it.
    pub(super) maker: &'static str,
    /// Two or three paragraphs.
    pub(super) description: String,
    /// Name and value.
    pub(super) details: Vec<(&'static str, String)>,
    /// Cents.
    pub(super) price: i64,
    /// Cents: what it cost before, if that was more.
    pub(super) list_price: Option<i64>,
    /// Seconds since 1970.
    pub(super) added: i64,
    /// What goes with it.
    pub(super) related: Vec<i32>,
}

/// What orders need to know of a product: small, because it is kept for all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ware {
    /// As the product's.
    pub(super) id: i32,
    /// As the product's.
    pub(super) department: usize,
    /// As the product's.
    pub(super) price: i64,
    /// As the product's.
    pub(super) added: i64,
}

impl From<&Product> for Ware {
    fn from(product: &Product) -> Self {
        Self {
            id: product.id,
            department: product.department,
            price: product.price,
            added: product.added,
        }
    }
}

/// Makes the products of a shop one by one, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Products {
    size: Size,
    departments: Vec<usize>,
    /// Numbers of the products of each department.
    members: Vec<Vec<i32>>,
    /// All titles so far.
    titles: HashSet<String>,
}

impl Products {
    /// Of a shop of this size.
    pub(super) fn new(size: Size) -> Self {
        let departments = departments(&size);
        let mut members = vec![Vec::new(); DEPARTMENTS.len()];
        for (id, department) in (1..).zip(&departments) {
            members[*department].push(id);
        }
        Self {
            size,
            departments,
            members,
            titles: HashSet::new(),
        }
    }

    /// The product of this number.
    pub(super) fn make(&mut self, id: i32) -> Product {
        let department = self.departments[id as usize - 1];
        let mut random = Random::of(self.size.seed, Stream::Product, i64::from(id));
        let mut product = one(id, department, &mut random, &mut self.titles);
        let members = &self.members[department];
        product.related = related(id, members, self.size.products, &mut random);
        product
    }
}

/// Whose department each product is in: all of them before one comes again, each time in another order.
fn departments(size: &Size) -> Vec<usize> {
    let products = usize::try_from(size.products).unwrap_or(0);
    let mut random = Random::of(size.seed, Stream::Department, 0);
    let mut departments = Vec::with_capacity(products + DEPARTMENTS.len());
    while departments.len() < products {
        let mut round: Vec<usize> = (0..DEPARTMENTS.len()).collect();
        random.shuffle(&mut round);
        departments.extend(round);
    }
    departments.truncate(products);
    departments
}

fn one(id: i32, place: usize, random: &mut Random, titles: &mut HashSet<String>) -> Product {
    let department = &DEPARTMENTS[place];
    let kind = random.pick(department.kinds);
    let traits = kind.family.traits();
    let material = material(kind, traits, random);
    let colour = *random.pick(traits.colours);
    let (model, title) = title(id, kind, material, colour, random, titles);
    // Each department has its makers.
    let maker = MAKERS[(place * 5 + random.below(14) as usize) % MAKERS.len()];
    let price = price(kind, random);
    let list_price = random.percent(12).then(|| {
        let before = price * random.between(112, 140) / 100;
        pretty(before).max(price + 100)
    });
    // The best sellers have been there for long; the rest came bit by bit.
    let oldest = BEGIN - 365 * DAY;
    let newest = if id <= 20 { BEGIN } else { UNTIL - DAY };
    let added = if id == 1 {
        oldest
    } else {
        random.between(oldest, newest)
    };
    let length = (kind.size * random.between(85, 115) / 100).max(1);
    let details = details(kind, traits, material, colour, length, random);
    Product {
        id,
        department: place,
        description: description(department, kind, &model, material, maker, random),
        title,
        maker,
        details,
        price,
        list_price,
        added,
        related: Vec::new(),
    }
}

/// One that is not in the kind's name already.
fn material(kind: &Kind, traits: &Traits, random: &mut Random) -> &'static str {
    let first = *random.pick(traits.materials);
    let is_said = |material: &str| material.split(' ').any(|word| kind.name.contains(word));
    let mut others = traits.materials.iter().copied();
    match is_said(first) {
        true => others.find(|other| !is_said(other)).unwrap_or(first),
        false => first,
    }
}

fn title(
    id: i32,
    kind: &Kind,
    material: &str,
    colour: &str,
    random: &mut Random,
    titles: &mut HashSet<String>,
) -> (String, String) {
    for attempt in 0..8 {
        let mut model = (*random.pick(MODELS)).to_owned();
        if attempt >= 4 {
            // In a very large shop names have to come again.
            model = format!("{model} {}", random.between(2, 99));
        }
        let name = kind.name;
        let title = match random.below(5) {
            0 => format!("{name} '{model}', {colour}, {material}"),
            1 => format!("{material} {name} '{model}', {colour}"),
            _ => format!("{material} {name} '{model}'"),
        };
        let title = capital(&title);
        if titles.insert(title.clone()) {
            return (model, title);
        }
    }
    let model = format!("No. {id}");
    let title = capital(&format!("{material} {} '{model}'", kind.name));
    titles.insert(title.clone());
    (model, title)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Most things cost little of what they might.
fn price(kind: &Kind, random: &mut Random) -> i64 {
    let (low, high) = kind.price;
    let part = random.below(1000).min(random.below(1000)).cast_signed();
    pretty((low * 1000 + (high - low) * part) / 10)
}

/// Cents as shops write them: .90 or .50 below 100 euros, whole euros from there, tens less one from 1,000.
fn pretty(cents: i64) -> i64 {
    let euros = cents / 100;
    match euros {
        ..40 => euros * 100 + 90,
        40..100 if euros % 2 == 0 => euros * 100 + 50,
        40..100 => euros * 100 + 90,
        100..1000 => euros * 100,
        _ => (euros / 10 * 10 + 10) * 100,
    }
}

fn details(
    kind: &Kind,
    traits: &Traits,
    material: &str,
    colour: &str,
    length: i64,
    random: &mut Random,
) -> Vec<(&'static str, String)> {
    let part = |random: &mut Random, low, high| (length * random.between(low, high) / 100).max(1);
    let size = match traits.shape {
        Shape::Round => format!("⌀ {} cm, height {length} cm", part(random, 45, 90)),
        Shape::Long => format!("{length} cm long"),
        Shape::Flat => format!("{} × {length} cm", part(random, 35, 75)),
        Shape::Box => {
            let (width, depth) = (part(random, 50, 95), part(random, 30, 60));
            format!("{width} × {depth} × {length} cm")
        }
    };
    let grams = (traits.weight * length * length / 100).clamp(15, 60_000);
    let mut details = vec![
        ("Material", capital(material)),
        ("Colour", capital(colour)),
        ("Size", size),
        ("Weight", weight(grams)),
        ("Made in", (*random.pick(ORIGINS)).to_owned()),
        ("Care", (*random.pick(&traits.care)).to_owned()),
    ];
    if kind.price.1 >= 100 && !kind.family.is_used_up() {
        let years = random.pick(&[2, 5, 5, 10]);
        details.push(("Guarantee", format!("{years} years")));
    }
    details
}

fn weight(grams: i64) -> String {
    match grams {
        ..1000 => format!("{} g", (grams / 5 * 5).max(5)),
        1000..10_000 => format!("{}.{} kg", grams / 1000, grams / 100 % 10),
        _ => format!("{} kg", grams / 1000),
    }
}

fn description(
    department: &Department,
    kind: &Kind,
    model: &str,
    material: &str,
    maker: &str,
    random: &mut Random,
) -> String {
    let article = match kind.name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    let one = format!("{article} {}", kind.name);
    let fill = |text: &str| {
        let text = text
            .replace("{a kind}", &one)
            .replace("{A kind}", &capital(&one));
        let text = text.replace("{kind}", kind.name).replace("{maker}", maker);
        text.replace("{model}", model)
            .replace("{material}", material)
    };
    let traits = kind.family.traits();
    let [opening, making, selling] = SENTENCES.map(|all| match kind.family.is_used_up() {
        true => &all[..GENERAL],
        false => all,
    });
    let first = format!("{} {}", random.pick(opening), random.pick(&traits.praise));
    let second = format!("{} {}", random.pick(&department.uses), random.pick(making));
    let mut paragraphs = vec![fill(&first), fill(&second)];
    if random.percent(66) {
        let last: &&str = random.pick(selling);
        paragraphs.push(fill(last));
    }
    paragraphs.join("\n\n")
}

/// Five others of the department, of which a small shop may have too few: then any others.
fn related(id: i32, members: &[i32], products: i32, random: &mut Random) -> Vec<i32> {
    const HOW_MANY: usize = 5;
    let mut related: Vec<i32> = Vec::with_capacity(HOW_MANY);
    for attempt in 0.. {
        let other = match attempt {
            0..40 => *random.pick(members),
            _ => random.between(1, i64::from(products)) as i32,
        };
        if other != id && !related.contains(&other) {
            related.push(other);
        }
        if related.len() == HOW_MANY {
            break;
        }
    }
    related
}

/// How many of a product there are: thousands of what everybody wants, and now and then few or none of the rest.
pub(super) fn in_stock(seed: i64, id: i32) -> i32 {
    let mut random = Random::of(seed, Stream::Stock, i64::from(id));
    let count = match (id, random.below(100)) {
        (..=100, _) => random.between(5_000, 10_000),
        (101..=1000, _) => random.between(2_000, 5_000),
        (_, 0..2) => 0,
        (_, 2..7) => random.between(1, 9),
        (_, 7..30) => random.between(10, 99),
        _ => random.between(100, 1_500),
    };
    count as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(size: &Size) -> Vec<Product> {
        let mut products = Products::new(*size);
        (1..=size.products).map(|id| products.make(id)).collect()
    }

    const SIZE: Size = Size {
        seed: 1,
        products: 10_000,
        customers: 10,
        orders: 0,
    };

    #[test]
    fn what_load_searches_for_is_there() {
        let products = all(&SIZE);
        for word in [
            "teapot", "lamp", "chair", "oak", "linen", "garden", "steel", "notebook", "basket",
            "kettle", "blanket", "wool", "desk", "shelf", "mirror", "vase", "candle", "knife",
            "pan", "rug",
        ] {
            let has = |product: &&Product| {
                let title = product.title.to_lowercase();
                title
                    .split(|letter: char| !letter.is_alphanumeric())
                    .any(|one| one == word)
            };
            let count = products.iter().filter(has).count();
            assert!(count >= 50, "{word}: {count}");
        }
    }

    #[test]
    fn products_are_sound() {
        let products = all(&SIZE);
        let mut titles = HashSet::new();
        for (index, product) in products.iter().enumerate() {
            assert_eq!(product.id, index as i32 + 1);
            assert!(titles.insert(&product.title), "{}", product.title);
            assert!((100..1_000_000).contains(&product.price), "{product:?}");
            assert!(
                product
                    .list_price
                    .is_none_or(|before| before > product.price)
            );
            assert!(product.added < UNTIL);
            assert!(!product.description.contains(['{', '}']), "{product:?}");
            let paragraphs = product.description.split("\n\n").count();
            assert!((2..=3).contains(&paragraphs), "{product:?}");
            let others: HashSet<&i32> = product.related.iter().collect();
            assert_eq!(others.len(), 5);
            let of_department = |other: &i32| {
                *other != product.id
                    && products[*other as usize - 1].department == product.department
            };
            assert!(product.related.iter().all(of_department));
        }
        for department in 0..DEPARTMENTS.len() {
            let members = products
                .iter()
                .filter(|product| product.department == department);
            assert!(members.count() >= 400);
        }
    }

    #[test]
    fn a_smaller_shop_is_the_beginning_of_a_larger_one() {
        let few = all(&Size {
            products: 100,
            ..SIZE
        });
        let titles = |products: &[Product]| -> Vec<String> {
            products
                .iter()
                .take(100)
                .map(|product| product.title.clone())
                .collect()
        };
        assert_eq!(titles(&few), titles(&all(&SIZE)));
    }

    #[test]
    fn the_smallest_shop_has_related_products_too() {
        let few = all(&Size {
            products: 10,
            ..SIZE
        });
        assert!(few.iter().all(|product| product.related.len() == 5));
    }

    #[test]
    fn prices_end_as_in_shops() {
        for (cents, pretty_cents) in [
            (0, 90),
            (1234, 1290),
            (4210, 4250),
            (4310, 4390),
            (12_345, 12_300),
            (123_456, 124_000),
        ] {
            assert_eq!(pretty(cents), pretty_cents, "{cents}");
        }
    }

    #[test]
    fn what_everybody_wants_does_not_sell_out() {
        assert!((1..=100).all(|id| in_stock(1, id) >= 5_000));
        let counts: Vec<i32> = (1001..=10_000).map(|id| in_stock(1, id)).collect();
        assert!(counts.contains(&0) && counts.iter().any(|count| (1..10).contains(count)));
    }

    #[test]
    fn slugs_are_words() {
        let slugs: HashSet<&str> = DEPARTMENTS
            .iter()
            .map(|department| department.slug)
            .collect();
        assert_eq!(slugs.len(), DEPARTMENTS.len());
        let is_word = |slug: &&str| {
            slug.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        assert!(slugs.iter().all(is_word));
    }
}
