//! How a product looks: colours and chances, from its number.

use crate::model::{Card, ProductId};

/// Colours that go together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// Behind everything.
    pub(super) wall: &'static str,
    /// What stands on it, and shapes behind the thing.
    pub(super) back: &'static str,
    /// The thing.
    pub(super) main: &'static str,
    /// Its dark side.
    pub(super) dark: &'static str,
    /// Its light side.
    pub(super) light: &'static str,
    /// What catches the eye.
    pub(super) accent: &'static str,
}

const fn palette([wall, back, main, dark, light, accent]: [&'static str; 6]) -> Palette {
    Palette {
        wall,
        back,
        main,
        dark,
        light,
        accent,
    }
}

/// Muted ones, which do not fight with a page.
const PALETTES: [Palette; 12] = [
    palette([
        "#e6ebe0", "#cfd9c4", "#6b8f71", "#4f6f56", "#e9f0e4", "#d9a441",
    ]),
    palette([
        "#f3e4d9", "#e8cdb8", "#c1694f", "#974b36", "#f9ece2", "#2f5d62",
    ]),
    palette([
        "#e3e9f0", "#c9d6e4", "#35557f", "#243c5c", "#eef3f8", "#e08e45",
    ]),
    palette([
        "#f6ecd2", "#ead8a5", "#d19a2a", "#a3741a", "#fdf6e3", "#3f5e5a",
    ]),
    palette([
        "#efe4ec", "#dcc6d7", "#7f4f73", "#5d3854", "#f9f1f7", "#c9a227",
    ]),
    palette([
        "#ebe8e2", "#d6d0c6", "#8a8178", "#645d55", "#f8f6f2", "#b5532f",
    ]),
    palette([
        "#dfe8e3", "#bcd0c6", "#2f5d46", "#1f4232", "#eef5f1", "#e3a857",
    ]),
    palette([
        "#f8e5e2", "#eec8c3", "#cf7470", "#a55450", "#fdf2f0", "#4a6670",
    ]),
    palette([
        "#e2f0f3", "#bfdfe6", "#4a93a5", "#33707f", "#eff8fa", "#e2725b",
    ]),
    palette([
        "#f1e8db", "#e0ccb0", "#a9743f", "#7d522a", "#f9f3e9", "#4c6b50",
    ]),
    palette([
        "#e9e6f0", "#d0cae0", "#6a5f99", "#4b4273", "#f2f0f8", "#d98b5f",
    ]),
    palette([
        "#e8eae9", "#cdd3d0", "#3f4a47", "#2a3330", "#f1f4f2", "#c96f4a",
    ]),
];

/// Colours that words of a title mean: places in the list of palettes.
fn coloured(word: &str) -> Option<usize> {
    let place = match word {
        "sage" => 0,
        "rust" | "brick" | "red" => 1,
        "navy" | "blue" => 2,
        "ochre" | "honey" | "amber" | "yellow" => 3,
        "plum" => 4,
        "grey" | "white" | "brushed" | "polished" => 5,
        "moss" | "green" => 6,
        "rose" => 7,
        "clear" => 8,
        "cream" | "ivory" | "sand" | "natural" | "light" => 9,
        "charcoal" | "black" | "dark" | "smoked" | "smoke" => 11,
        _ => return None,
    };
    Some(place)
}

/// Colours that a material has by itself.
fn material(word: &str) -> Option<&'static [usize]> {
    let places: &[usize] = match word {
        "oak" | "ash" | "walnut" | "beech" | "birch" | "cherry" | "pine" | "larch" | "willow"
        | "rattan" | "seagrass" | "bamboo" | "hyacinth" | "cane" | "jute" | "sisal" | "hemp"
        | "kraft" => &[9, 9, 3, 1],
        "steel" | "aluminium" | "zinc" | "concrete" => &[5, 11, 2, 10],
        "iron" => &[11, 6, 1],
        "copper" | "terracotta" | "earthenware" | "clay" => &[1],
        "brass" | "beeswax" => &[3],
        "glass" => &[8, 2, 0],
        _ => return None,
    };
    Some(places)
}

/// The colours of a product: what its title says, else what its material has, else any.
pub(super) fn palette_of(card: &Card) -> usize {
    let title = card.title.to_lowercase();
    let words = || title.split(|letter: char| !letter.is_alphanumeric());
    let mixed = splitmix(&mut u64::from(card.id.unsigned_abs()).wrapping_add(1)) as usize;
    if let Some(place) = words().rev().find_map(coloured) {
        return place;
    }
    let places = words().find_map(material);
    places.map_or(mixed % PALETTES.len(), |places| {
        places[mixed % places.len()]
    })
}

/// How many there are.
pub(super) const PALETTE_COUNT: usize = PALETTES.len();

/// SplitMix64 (Steele, Lea, Flood 2014): neighbours in number are strangers in looks.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The look of one product.
#[derive(Debug)]
pub(super) struct Look {
    /// Its colours.
    pub(super) colours: Palette,
    state: u64,
}

impl Look {
    /// The look of the product of this number in the colours at `palette`: always the same.
    pub(super) fn of(id: ProductId, palette: usize) -> Self {
        Self {
            colours: PALETTES[palette % PALETTES.len()],
            state: u64::from(id.unsigned_abs()),
        }
    }

    fn next(&mut self) -> u64 {
        splitmix(&mut self.state)
    }

    /// One of several. `of` is not empty.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let index = self.next() % of.len().max(1) as u64;
        of[index as usize]
    }

    /// A number from `low` to `high`.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let width = u64::from(high.abs_diff(low)) + 1;
        low + (self.next() % width) as i32
    }

    /// One of two.
    pub(super) fn chance(&mut self) -> bool {
        self.next() & 1 == 0
    }
}
