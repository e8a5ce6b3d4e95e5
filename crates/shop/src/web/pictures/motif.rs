//! What is drawn, and which words mean it.

use super::canvas::Canvas;
use super::look::Look;
use super::{furniture, garden, kitchen, light, study, textile};
use crate::model::{Card, ProductId};

type Draw = fn(&mut Canvas, &mut Look);

/// Makes the list of motifs: the name of each, how it is drawn, and words of titles that mean it.
macro_rules! motifs {
    ($($motif:ident $name:literal $draw:path: $($word:literal)*;)*) => {
        /// What a picture shows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Motif {
            $(#[doc = $name] $motif,)*
        }

        impl Motif {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$motif,)*];

            /// What addresses call it.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$motif => $name,)*
                }
            }

            const fn drawn_by(self) -> Draw {
                match self {
                    $(Self::$motif => $draw,)*
                }
            }

            /// What a word of a title means, in small letters.
            fn meant(word: &str) -> Option<Self> {
                match word {
                    $($name $(| $word)* => Some(Self::$motif),)*
                    _ => None,
                }
            }
        }
    };
}

motifs! {
    Teapot "teapot" kitchen::teapot: "teapots" "tea";
    Kettle "kettle" kitchen::kettle: "kettles" "jug" "pitcher" "coffee" "moka" "percolator";
    Mug "mug" kitchen::mug: "mugs" "cup" "cups" "tumbler" "glass" "beaker" "goblet";
    Pan "pan" kitchen::pan: "pans" "skillet" "saucepan" "wok" "griddle";
    Pot "pot" kitchen::pot: "casserole" "stockpot" "cocotte" "roaster";
    Knife "knife" kitchen::knife: "knives" "cleaver" "scissors" "peeler" "cutlery" "fork" "spoon" "spatula" "ladle" "whisk" "grater";
    Bowl "bowl" kitchen::bowl: "bowls" "plate" "plates" "dish" "platter" "tray" "mortar" "colander";
    Board "board" kitchen::board: "boards";
    Jar "jar" kitchen::jar: "jars" "canister" "bottle" "carafe" "decanter" "tin" "caddy" "crock" "mill" "shaker";
    Lamp "lamp" light::lamp: "lamps" "light" "sconce" "pendant" "lampshade";
    Lantern "lantern" light::lantern: "lanterns" "birdhouse" "feeder";
    Candle "candle" light::candle: "candles" "candlestick" "candleholder" "tealight" "diffuser";
    Chair "chair" furniture::chair: "chairs" "stool" "armchair" "rocker" "seat";
    Sofa "sofa" furniture::sofa: "couch" "bench" "settee" "daybed" "ottoman" "loveseat";
    Bed "bed" furniture::bed: "beds" "headboard" "mattress" "duvet" "pillow" "pillowcase" "quilt" "sheet" "sheets" "bedding" "bedspread";
    Table "table" furniture::table: "tables" "desk" "desks" "console" "nightstand" "workbench" "bureau";
    Shelf "shelf" furniture::shelf: "shelves" "bookcase" "cabinet" "cupboard" "dresser" "sideboard" "wardrobe" "rack" "stand" "hook" "bookshelf" "drawer";
    Mirror "mirror" light::mirror: "mirrors" "frame" "print" "poster";
    Clock "clock" light::clock: "clocks" "timer" "thermometer" "barometer" "scale";
    Rug "rug" textile::rug: "rugs" "mat" "doormat" "carpet" "runner" "kilim" "placemat";
    Blanket "blanket" textile::blanket: "blankets" "throw" "towel" "towels" "tablecloth" "napkin" "napkins" "apron" "robe" "bathrobe" "curtain" "linens";
    Cushion "cushion" textile::cushion: "cushions" "pouf" "footstool" "bolster" "beanbag" "hammock";
    Vase "vase" garden::vase: "vases" "urn" "amphora" "bouquet" "wreath";
    Plant "plant" garden::plant: "plants" "planter" "seeds" "fern" "bulbs" "bulb" "herb" "herbs" "flowerpot" "trellis" "terrarium";
    Can "can" garden::can: "watering" "sprayer" "hose";
    Spade "spade" garden::spade: "trowel" "rake" "shovel" "fork-spade" "hoe" "shears" "secateurs" "pruner" "axe" "hammer" "saw" "dibber" "broom" "brush" "screwdriver" "wrench" "drill";
    Basket "basket" garden::basket: "baskets" "hamper" "bin" "crate" "trug" "bag" "tote" "bucket" "pail" "box" "chest" "wheelbarrow";
    Notebook "notebook" study::notebook: "notebooks" "journal" "diary" "planner" "book" "sketchbook" "ledger" "folder" "album" "binder" "calendar";
    Pens "pens" study::pens: "pen" "pencil" "pencils" "ruler" "organiser" "organizer" "stapler" "stationery";
    Toy "toy" study::toy: "toys" "blocks" "puzzle" "game" "horse" "bear" "train" "ball";
}

/// Departments whose products are drawn so if their titles say nothing: a part of the department's address, and what fits it.
const DEPARTMENTS: &[(&str, &[Motif])] = &[
    ("tea", &[Motif::Teapot, Motif::Mug, Motif::Kettle]),
    ("cook", &[Motif::Pan, Motif::Pot, Motif::Knife]),
    ("kitchen", &[Motif::Pot, Motif::Bowl, Motif::Jar]),
    ("light", &[Motif::Lamp, Motif::Lantern]),
    ("lamp", &[Motif::Lamp, Motif::Lantern]),
    ("candle", &[Motif::Candle, Motif::Lantern]),
    ("textile", &[Motif::Blanket, Motif::Cushion, Motif::Rug]),
    ("bed", &[Motif::Bed, Motif::Cushion]),
    ("bath", &[Motif::Blanket, Motif::Mirror]),
    ("garden", &[Motif::Plant, Motif::Can, Motif::Spade]),
    ("plant", &[Motif::Plant, Motif::Vase]),
    ("office", &[Motif::Notebook, Motif::Pens, Motif::Table]),
    ("paper", &[Motif::Notebook, Motif::Pens]),
    ("storage", &[Motif::Basket, Motif::Shelf, Motif::Jar]),
    ("furniture", &[Motif::Chair, Motif::Table, Motif::Sofa]),
];

/// Words that mean something else together.
const PHRASES: &[(&str, Motif)] = &[
    ("garden fork", Motif::Spade),
    ("garden knife", Motif::Spade),
    ("garden kneeler", Motif::Cushion),
    ("dustpan", Motif::Spade),
    ("bread peel", Motif::Board),
    ("rolling pin", Motif::Board),
    ("seed tray", Motif::Plant),
    ("seed mix", Motif::Plant),
    ("plant stand", Motif::Plant),
    ("window box", Motif::Plant),
    ("herb pot", Motif::Plant),
    ("plant pot", Motif::Plant),
    ("hanging pot", Motif::Plant),
    ("knife block", Motif::Knife),
    ("coffee press", Motif::Kettle),
    ("water jug", Motif::Jar),
    ("flower jug", Motif::Vase),
    ("tea caddy", Motif::Jar),
    ("soap dish", Motif::Bowl),
    ("cake stand", Motif::Bowl),
    ("cake dome", Motif::Bowl),
    ("pencil case", Motif::Pens),
    ("letter pa", Motif::Notebook),
    ("shelf box", Motif::Basket),
    ("tealight glass", Motif::Candle),
    ("champagne coupe", Motif::Mug),
    ("baking sheet", Motif::Pan),
    ("roasting tin", Motif::Pot),
    ("loaf pan", Motif::Pot),
    ("cake pan", Motif::Pot),
    ("ironing board", Motif::Blanket),
    ("kitchen cloth", Motif::Blanket),
    ("washing line", Motif::Basket),
    ("sheepskin", Motif::Rug),
    ("pinboard", Motif::Mirror),
    ("parasol", Motif::Plant),
];

impl Motif {
    /// What a product is, by the last word of its title that means something: an `oak tea table` is a table.
    pub(super) fn of(card: &Card) -> Self {
        // What follows a comma is colour and size, what is in quotes a name.
        let title = card
            .title
            .split([',', '\'', '“'])
            .next()
            .unwrap_or_default()
            .to_lowercase();
        if let Some((_, motif)) = PHRASES.iter().find(|(phrase, _)| title.contains(phrase)) {
            return *motif;
        }
        let words = title.split(|letter: char| !letter.is_alphanumeric() && letter != '-');
        if let Some(motif) = words.rev().find_map(Self::meant) {
            return motif;
        }
        let id = card.id.unsigned_abs() as usize;
        let fitting = DEPARTMENTS
            .iter()
            .find(|(part, _)| card.category.slug.contains(part));
        fitting.map_or_else(
            || Self::any(card.id),
            |(_, motifs)| motifs[id % motifs.len()],
        )
    }

    /// One by the number alone.
    pub(super) fn any(id: ProductId) -> Self {
        Self::ALL[id.unsigned_abs() as usize % Self::ALL.len()]
    }

    /// The one of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|motif| motif.name() == name)
    }

    /// Draws it.
    pub(super) fn draw(self, canvas: &mut Canvas, look: &mut Look) {
        self.drawn_by()(canvas, look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Availability, Category};
    use crate::money::Cents;

    fn of(title: &str, slug: &str) -> Motif {
        let category = Category {
            slug: slug.to_owned(),
            name: slug.to_owned(),
        };
        Motif::of(&Card {
            id: 7,
            title: title.to_owned(),
            maker: String::new(),
            price: Cents(1),
            list_price: None,
            category,
            availability: Availability::InStock,
        })
    }

    #[test]
    fn titles_tell_what_is_drawn() {
        assert_eq!(
            of("Cast-iron Teapot 'Clay Rug', navy", "tea"),
            Motif::Teapot
        );
        assert_eq!(of("Oak Tea Table", "tea"), Motif::Table);
        assert_eq!(of("Linen Blanket, 140 × 200 cm", "x"), Motif::Blanket);
        assert_eq!(of("Steel garden fork 'Rill'", "x"), Motif::Spade);
        assert_eq!(of("Hinode No. 4", "garden-tools"), Motif::Can);
        assert_eq!(of("", ""), Motif::any(7));
    }
}
