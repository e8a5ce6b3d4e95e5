//! Past orders: what is popular is ordered often, and the shop has grown.

use super::customers;
use super::products::Ware;
use super::random::{Random, Stream, Zipf, mix};
use super::{BEGIN, DAY, Size, UNTIL};

/// A past order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// From 1, in the order in which they were placed.
    pub(super) id: i64,
    /// What customers call it.
    pub(super) number: String,
    /// Whose.
    pub(super) customer: i64,
    /// Seconds since 1970.
    pub(super) placed: i64,
    /// Seconds since 1970: when the worker was done with it.
    pub(super) done: i64,
    /// As the schema names it.
    pub(super) status: &'static str,
    /// Each product once.
    pub(super) lines: Vec<Line>,
}

/// One kind of thing in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// What.
    pub(super) product: i32,
    /// How many.
    pub(super) quantity: i32,
    /// Cents, of one.
    pub(super) price: i64,
}

impl Order {
    /// What it cost in cents.
    pub(super) fn total(&self) -> i64 {
        let costs = |line: &Line| line.price * i64::from(line.quantity);
        self.lines.iter().map(costs).sum()
    }
}

/// How many orders in a hundred have so many lines, from 1; 3.03 on average.
const LINES: [u64; 6] = [15, 25, 25, 18, 11, 6];
/// How many lines in a hundred are of so many pieces, from 1.
const PIECES: [u64; 6] = [72, 16, 4, 5, 1, 2];

/// The order of this number, from 1.
pub(super) fn one(size: &Size, wares: &[Ware], zipf: &Zipf, id: i64) -> Order {
    let mut random = Random::of(size.seed, Stream::Order, id);
    let placed = placed(size, id, &mut random);
    let customer = random.between(1, customers::until(size, placed));
    let status = match placed < UNTIL - 7 * DAY {
        true => "shipped",
        false => "processing",
    };
    let wanted = random.weighted(&LINES) + 1;
    Order {
        id,
        number: number(size.seed, id),
        customer,
        placed,
        done: placed + random.between(1, 5),
        status,
        lines: lines(wares, zipf, placed, wanted, &mut random),
    }
}

fn lines(
    wares: &[Ware],
    zipf: &Zipf,
    placed: i64,
    wanted: usize,
    random: &mut Random,
) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(wanted);
    // A draw may be of something that was not sold yet, or is in the order already.
    for _ in 0..wanted * 8 {
        let ware = &wares[zipf.draw(random) - 1];
        let is_new = lines.iter().all(|line| line.product != ware.id);
        if ware.added <= placed && is_new {
            lines.push(Line {
                product: ware.id,
                quantity: random.weighted(&PIECES) as i32 + 1,
                price: ware.price,
            });
        }
        if lines.len() == wanted {
            break;
        }
    }
    if lines.is_empty() {
        // The first product was there before the first order.
        lines.push(Line {
            product: 1,
            quantity: 1,
            price: wares[0].price,
        });
    }
    lines
}

/// Twice as many a day at the end as at the beginning: of `x` of all orders, the last was placed after the share √(1 + 3x) − 1 of the time. Square roots
/// are exact in IEEE 754.
fn placed(size: &Size, id: i64, random: &mut Random) -> i64 {
    let within = random.below(1 << 20) as f64 / f64::from(1 << 20);
    let x = ((id - 1) as f64 + within) / size.orders.max(1) as f64;
    let share = (1.0 + 3.0 * x).sqrt() - 1.0;
    BEGIN + (share * (UNTIL - BEGIN) as f64) as i64
}

/// Twelve letters and digits of Crockford's alphabet (nothing that looks like something else). One to one, so that no two are the same.
fn number(seed: i64, id: i64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    const BITS: u64 = (1 << 60) - 1;
    let mut bits = (id.cast_unsigned() ^ mix(seed.cast_unsigned())) & BITS;
    // Multiplying by an odd number and folding the upper half into the lower one can both be undone.
    for factor in [
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb_u64,
    ] {
        bits = bits.wrapping_mul(factor) & BITS;
        bits ^= bits >> 31;
    }
    let mut number = String::with_capacity(14);
    for place in 0..12 {
        if place > 0 && place % 4 == 0 {
            number.push('-');
        }
        number.push(char::from(ALPHABET[(bits >> (5 * place)) as usize % 32]));
    }
    number
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::products::Products;
    use super::*;

    const SIZE: Size = Size {
        seed: 1,
        products: 1000,
        customers: 200,
        orders: 20_000,
    };

    #[test]
    fn orders_are_sound() {
        let mut products = Products::new(SIZE);
        let wares = (1..=SIZE.products).map(|id| Ware::from(&products.make(id)));
        let wares: Vec<Ware> = wares.collect();
        let zipf = Zipf::new(wares.len());
        let (mut numbers, mut last, mut lines) = (HashSet::new(), BEGIN, 0);
        for id in 1..=SIZE.orders {
            let order = one(&SIZE, &wares, &zipf, id);
            assert!(order.placed >= last && order.placed < UNTIL, "{order:?}");
            last = order.placed;
            assert!((1..=SIZE.customers).contains(&order.customer));
            assert!(customers::one(&SIZE, order.customer).created <= order.placed);
            let kinds: HashSet<i32> = order.lines.iter().map(|line| line.product).collect();
            assert_eq!(kinds.len(), order.lines.len(), "{order:?}");
            assert!((1..=6).contains(&order.lines.len()));
            for line in &order.lines {
                assert!(wares[line.product as usize - 1].added <= order.placed);
            }
            lines += order.lines.len();
            assert!(numbers.insert(order.number));
        }
        let mean = lines as f64 / SIZE.orders as f64;
        assert!((2.9..3.1).contains(&mean), "{mean}");
    }

    #[test]
    fn numbers_do_not_tell_the_next_one() {
        let numbers: Vec<String> = (1..=3).map(|id| number(1, id)).collect();
        assert!(numbers.iter().all(|number| number.len() == 14));
        let same = |one: &str, other: &str| {
            one.bytes()
                .zip(other.bytes())
                .filter(|(a, b)| a == b)
                .count()
        };
        assert!(same(&numbers[0], &numbers[1]) < 8, "{numbers:?}");
        assert!(same(&numbers[1], &numbers[2]) < 8, "{numbers:?}");
    }
}
