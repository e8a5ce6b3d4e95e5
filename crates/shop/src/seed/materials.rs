//! What things are made of, and what can be said about it: a table, for reading.

/// Things that are made of the same materials, have the same colours and want the same care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Furniture, boards.
    Wood,
    /// What is of wood, and long.
    Stick,
    /// Lamps, racks.
    Metal,
    /// What is of metal, and long.
    Tool,
    /// Pots and pans.
    Pan,
    /// Knives and shears.
    Blade,
    /// Thin cloth.
    Cloth,
    /// Warm cloth.
    Warm,
    /// What lies on floors.
    Floor,
    /// Plates, vases.
    Clay,
    /// Pots for plants.
    Pot,
    /// Glasses, shades.
    Glass,
    /// Baskets.
    Woven,
    /// Notebooks, boxes.
    Paper,
    /// Candles.
    Wax,
    /// Seeds and bulbs.
    Planting,
}

/// What sides a thing is described by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Width, depth, height.
    Box,
    /// Diameter and height.
    Round,
    /// Width and length.
    Flat,
    /// Length.
    Long,
}

/// What is known of a family.
#[derive(Debug)]
pub(super) struct Traits {
    /// What its things are made of.
    pub(super) materials: &'static [&'static str],
    /// What colours they have.
    pub(super) colours: &'static [&'static str],
    /// What sides they are described by.
    pub(super) shape: Shape,
    /// Grams of a thing that is ten centimetres long; it grows with the square of the length.
    pub(super) weight: i64,
    /// What is said of the material: `{material}` is put in.
    pub(super) praise: [&'static str; 3],
    /// How it is looked after.
    pub(super) care: [&'static str; 2],
}

const NATURAL: &[&str] = &["natural", "light", "dark", "smoked", "white", "black"];
const SOFT: &[&str] = &[
    "cream", "grey", "sage", "rust", "navy", "ochre", "charcoal", "rose", "moss",
];
const GLAZES: &[&str] = &[
    "white",
    "cream",
    "sea green",
    "slate blue",
    "charcoal",
    "sand",
    "rust",
    "moss",
];
const LACQUERS: &[&str] = &[
    "black",
    "white",
    "sage",
    "brushed",
    "polished",
    "midnight blue",
    "mustard",
];

impl Family {
    /// Whether its things are used up, so that nobody repairs them.
    pub(super) const fn is_used_up(self) -> bool {
        matches!(self, Self::Paper | Self::Wax | Self::Planting)
    }

    /// What is known of it.
    pub(super) const fn traits(self) -> &'static Traits {
        match self {
            Self::Wood => &WOOD,
            Self::Stick => &STICK,
            Self::Metal => &METAL,
            Self::Tool => &TOOL,
            Self::Pan => &PAN,
            Self::Blade => &BLADE,
            Self::Cloth => &CLOTH,
            Self::Warm => &WARM,
            Self::Floor => &FLOOR,
            Self::Clay => &CLAY,
            Self::Pot => &POT,
            Self::Glass => &GLASS,
            Self::Woven => &WOVEN,
            Self::Paper => &PAPER,
            Self::Wax => &WAX,
            Self::Planting => &PLANTING,
        }
    }
}

const WOOD: Traits = Traits {
    materials: &[
        "oak", "ash", "walnut", "beech", "birch", "cherry", "pine", "oak", "larch",
    ],
    colours: NATURAL,
    shape: Shape::Box,
    weight: 70,
    praise: [
        "The {material} comes from forests within a day's drive and was left to dry for two years.",
        "Solid {material}, not veneer: it can be repaired, and will be passed on.",
        "The grain of the {material} was chosen by eye, so that its sides belong together.",
    ],
    care: [
        "Wipe with a damp cloth; oil it once a year.",
        "Keep it out of standing water; oil when it looks dry.",
    ],
};
const METAL: Traits = Traits {
    materials: &[
        "steel",
        "brass",
        "copper",
        "cast iron",
        "aluminium",
        "steel",
    ],
    colours: LACQUERS,
    shape: Shape::Box,
    weight: 60,
    praise: [
        "The {material} is thick enough to be bent by nobody, and finished without a sharp edge.",
        "Its {material} is welded, not glued, and powder coated or waxed against rust.",
        "Plain {material}, honestly shown: it will get marks, and they will suit it.",
    ],
    care: [
        "Wipe dry after use.",
        "Dust with a soft cloth; a little wax keeps the shine.",
    ],
};
const PAN: Traits = Traits {
    materials: &[
        "steel",
        "copper",
        "cast iron",
        "carbon steel",
        "enamelled steel",
        "aluminium",
    ],
    colours: LACQUERS,
    shape: Shape::Round,
    weight: 210,
    praise: [
        "Its {material} is three millimetres thick at the bottom, where others save.",
        "The {material} is rolled over at the rim, so that it pours cleanly and never warps.",
        "Seasoned before it leaves the workshop, the {material} gets better with everything cooked in it.",
    ],
    care: [
        "Wash by hand without soap, dry at once, oil thinly.",
        "Dishwasher safe, though it prefers a brush and hot water.",
    ],
};
const BLADE: Traits = Traits {
    materials: &["steel", "carbon steel", "Damascus steel", "stainless steel"],
    colours: &[
        "oak handle",
        "walnut handle",
        "black handle",
        "olive handle",
        "cherry handle",
    ],
    shape: Shape::Long,
    weight: 20,
    praise: [
        "The {material} is hardened to 60 HRC, ground by hand and sharpened on three stones.",
        "Its {material} takes an edge in a few strokes and keeps it for weeks.",
        "Forged {material}, thin behind the edge and full at the handle.",
    ],
    care: [
        "Wash by hand and dry at once; never in the dishwasher.",
        "Sharpen on a fine stone; we do it for free in the first year.",
    ],
};
const CLOTH: Traits = Traits {
    materials: &[
        "linen",
        "cotton",
        "hemp",
        "organic cotton",
        "washed linen",
        "canvas",
    ],
    colours: SOFT,
    shape: Shape::Flat,
    weight: 4,
    praise: [
        "The {material} is woven on wide old looms, washed before it is cut, and will not shrink again.",
        "Dense, fine {material}: light through it looks like early morning.",
        "Undyed or dyed with little water, the {material} is free of everything that should not touch skin.",
    ],
    care: [
        "Machine wash at 40 °C; dry on a line.",
        "Wash at 60 °C with like colours; iron damp, or not at all.",
    ],
};
const WARM: Traits = Traits {
    materials: &["wool", "lambswool", "merino wool", "alpaca", "wool"],
    colours: SOFT,
    shape: Shape::Flat,
    weight: 5,
    praise: [
        "The {material} is spun and woven in the same valley, and brushed until it is soft.",
        "Pure {material}, which is warm even when it is damp, and breathes.",
        "Carded, spun and dyed in small lots, the {material} is never twice quite the same colour.",
    ],
    care: [
        "Air it often, wash it seldom, by hand and cold.",
        "Wool programme, 30 °C; dry lying flat.",
    ],
};
const FLOOR: Traits = Traits {
    materials: &[
        "wool", "jute", "cotton", "sisal", "seagrass", "wool", "hemp",
    ],
    colours: SOFT,
    shape: Shape::Flat,
    weight: 9,
    praise: [
        "The {material} is knotted tightly, so that it stays where it is and crumbs stay on top.",
        "Hand-woven {material} with a border that is sewn twice.",
        "Hard-wearing {material}: chairs, dogs and children were part of the test.",
    ],
    care: [
        "Vacuum along the grain; clean spots with cold water.",
        "Beat it outside twice a year, as in old times.",
    ],
};
const CLAY: Traits = Traits {
    materials: &[
        "stoneware",
        "porcelain",
        "earthenware",
        "bone china",
        "terracotta",
    ],
    colours: GLAZES,
    shape: Shape::Round,
    weight: 110,
    praise: [
        "The {material} is thrown on the wheel and fired twice, the second time at 1,240 °C.",
        "Its {material} rings when it is tapped, which is how potters tell that it is sound.",
        "The glaze pools where the {material} is thickest, and no two come out of the kiln alike.",
    ],
    care: [
        "Dishwasher and microwave safe.",
        "Wash by hand, if it is to look like this in twenty years.",
    ],
};
const POT: Traits = Traits {
    materials: &["terracotta", "stoneware", "zinc", "concrete", "glazed clay"],
    colours: GLAZES,
    shape: Shape::Round,
    weight: 120,
    praise: [
        "The {material} breathes, has a hole in the right place, and stands frost to −15 °C.",
        "Made of {material} that gets its patina in one summer.",
        "Heavy {material}: the wind may try.",
    ],
    care: [
        "Empty it before hard frost.",
        "Brush it clean in spring; lime marks go with vinegar.",
    ],
};
const GLASS: Traits = Traits {
    materials: &[
        "glass",
        "smoked glass",
        "opal glass",
        "recycled glass",
        "borosilicate glass",
        "ribbed glass",
    ],
    colours: &["clear", "amber", "green", "smoke", "blue", "rose"],
    shape: Shape::Round,
    weight: 45,
    praise: [
        "Mouth-blown {material}: a small bubble here and there is its signature.",
        "The {material} is cut cold, ground and fire-polished, so that the rim is smooth.",
        "Lead-free {material}, from a hut that has been burning since 1871.",
    ],
    care: [
        "Dishwasher safe up to 55 °C.",
        "Rinse with warm water and polish with linen.",
    ],
};
const WOVEN: Traits = Traits {
    materials: &[
        "willow",
        "rattan",
        "seagrass",
        "bamboo",
        "water hyacinth",
        "cane",
    ],
    colours: &["natural", "white", "dark", "honey", "grey"],
    shape: Shape::Round,
    weight: 25,
    praise: [
        "The {material} is soaked, split and woven by one person from the first cane to the handle.",
        "Close-woven {material} that neither creaks nor catches on wool.",
        "A day's work in {material}: the bottom carries thirty kilograms.",
    ],
    care: [
        "Brush out; moisten now and then, so that it does not get brittle.",
        "Keep it dry, and out of the sun in summer.",
    ],
};
const PAPER: Traits = Traits {
    materials: &[
        "recycled paper",
        "cotton paper",
        "kraft paper",
        "grass paper",
    ],
    colours: &["grey", "ochre", "navy", "moss", "brick", "cream", "black"],
    shape: Shape::Flat,
    weight: 40,
    praise: [
        "120 gram {material}, sewn with thread where it has to hold, from where paper has been made for three centuries.",
        "Its {material} feels like cloth, and folds without cracking.",
        "The {material} takes pencil, ink and the rings of cups.",
    ],
    care: [
        "Keep it dry.",
        "Goes into the paper bin when it is done; nothing has to be taken off.",
    ],
};
const WAX: Traits = Traits {
    materials: &["beeswax", "soy wax", "rapeseed wax", "stearin"],
    colours: &["ivory", "honey", "sage", "plum", "charcoal", "rose", "sand"],
    shape: Shape::Round,
    weight: 180,
    praise: [
        "The {material} comes from beekeepers and farmers nearby, and burns with a clear flame.",
        "Pure {material}, dyed through, so that it does not turn white where it is bent.",
        "It takes forty dips into {material} to make one.",
    ],
    care: [
        "Cut the wick to one centimetre before lighting.",
        "Let it melt to the edge the first time; never leave it alone.",
    ],
};
const PLANTING: Traits = Traits {
    materials: &["organic", "heirloom", "native", "open-pollinated"],
    colours: &["mixed", "white", "blue", "yellow", "red", "pink"],
    shape: Shape::Flat,
    weight: 40,
    praise: [
        "Only {material} varieties, tested each year on our own beds.",
        "Ninety in a hundred come up; the {material} parents grow behind the office.",
        "The {material} choice that needs no more water than falls from the sky.",
    ],
    care: [
        "Plant from March to May, or September to November.",
        "Store cool, dark and dry until it is time.",
    ],
};
const STICK: Traits = Traits {
    materials: &["beech", "ash", "oak", "maple", "walnut"],
    colours: NATURAL,
    shape: Shape::Long,
    weight: 8,
    praise: WOOD.praise,
    care: WOOD.care,
};
const TOOL: Traits = Traits {
    materials: &["steel", "forged steel", "stainless steel", "carbon steel"],
    colours: &["black", "brushed", "polished", "green", "bare"],
    shape: Shape::Long,
    weight: 12,
    praise: METAL.praise,
    care: METAL.care,
};
