//! The bad night: what is done to the shop while the load goes on, and who looks at a price meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::measured::{Event, PriceChange};
use super::plan::{Act, POLL, Step};
use super::price::{Look, Shown, judge};
use super::visitor::{Visitor, block_on};
use crate::command::Refusal;
use crate::command::demo::stage::Stage;

/// A product that many look at.
const PRODUCT: u64 = 3;
/// Its new price; the other one if it has this one.
const PRICES: [&str; 2] = ["87.65", "76.54"];
/// Pieces that there are then: nobody is to be sent away because of us.
const STOCK: u32 = 900;

/// What happened.
pub(super) struct Happened {
    pub(super) events: Vec<Event>,
    pub(super) price: PriceChange,
    /// How often the price was looked at.
    pub(super) looks: u64,
}

/// Waits until the run has begun (`begun` says when), then does at its time what is to be done. `warm_up` and `measured` are the run's.
pub(super) fn rule(
    stage: &Stage,
    script: &[Step],
    begun: &Receiver<Instant>,
    (warm_up, measured): (Duration, Duration),
) -> Result<Happened, Refusal> {
    let Ok(begun) = begun.recv() else {
        // The load could not be made; whoever makes it says why.
        return Err(Refusal::new("the bad night did not begin", ""));
    };
    let is_over = AtomicBool::new(false);
    let price = new_price(stage)?;
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| looks(stage, price, begun, &is_over));
        let acted = act(stage, script, price, begun, (warm_up, measured));
        // To the end of the night somebody may see the old price again.
        sleep_until(begun + warm_up + measured);
        is_over.store(true, Ordering::Relaxed);
        let looks = watch.join();
        let looks = looks
            .map_err(|_| Refusal::new("a visitor ended by a defect", "please report it"))??;
        let (events, times) = acted?;
        Ok(Happened {
            events,
            looks: looks.len() as u64,
            price: judge(PRODUCT, price, times, &looks),
        })
    })
}

fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}

/// What was done, and when the price was sent and saved.
type Acted = (Vec<Event>, (Duration, Duration));

fn act(
    stage: &Stage,
    script: &[Step],
    price: &str,
    begun: Instant,
    (warm_up, measured): (Duration, Duration),
) -> Result<Acted, Refusal> {
    let mut events = Vec::new();
    let mut times = (Duration::MAX, Duration::MAX);
    for &Step { at, act, shop } in script {
        sleep_until(begun + warm_up + measured.mul_f64(at));
        let sent = begun.elapsed();
        let what = match act {
            Act::Kill => {
                stage.kill_shop(shop);
                "one of three shops is killed in the midst of its work".to_owned()
            }
            Act::Restart => {
                stage.restart_shop(shop)?;
                let took = begun.elapsed().saturating_sub(sent).as_secs_f64();
                format!("it is back, {took:.1} s after it was started")
            }
            Act::Freeze => {
                stage.freeze_shop(shop);
                "another one is frozen: it keeps its connections and answers nothing".to_owned()
            }
            Act::Thaw => {
                stage.thaw_shop(shop);
                "the frozen one goes on, and has missed the new price".to_owned()
            }
            Act::ChangePrice => {
                change(stage, price)?;
                times = (sent, begun.elapsed());
                format!("product {PRODUCT} costs {price} from now on")
            }
        };
        events.push(Event {
            at: sent.as_secs_f64(),
            act,
            what,
        });
    }
    Ok((events, times))
}

/// A price that the product does not have.
fn new_price(stage: &Stage) -> Result<&'static str, Refusal> {
    let mut visitor = Visitor::new(stage.addresses().gateway);
    let page = block_on(visitor.get(&page()))?;
    let has = |price: &str| page.as_ref().is_ok_and(|page| page.contains(price));
    Ok(if has(PRICES[0]) { PRICES[1] } else { PRICES[0] })
}

fn page() -> String {
    format!("/products/{PRODUCT}")
}

/// Changes the price on the administrator's page, as a person would; a person tries again if it was not saved.
fn change(stage: &Stage, price: &str) -> Result<(), Refusal> {
    let addresses = stage.addresses();
    let form = format!("price={price}&stock={STOCK}");
    let path = format!("/admin/products/{PRODUCT}");
    let token = addresses.admin_token.as_str();
    let saved = block_on(async {
        let mut why = String::new();
        for _ in 0..3 {
            let mut person = Visitor::new(addresses.gateway);
            match person.post(&path, &form, Some(token)).await {
                Ok(page) if page.status.is_redirection() => return Ok(()),
                Ok(page) => why = format!("the answer is {}", page.status),
                Err(error) => why = error,
            }
        }
        Err(why)
    })?;
    saved.map_err(|why| {
        let what = format!("the price of product {PRODUCT} could not be changed: {why}");
        Refusal::new(
            what,
            "see the logs of the shops; --keep leaves a shop running to look at",
        )
    })
}

/// What the two visitors saw.
fn looks(
    stage: &Stage,
    price: &str,
    begun: Instant,
    is_over: &AtomicBool,
) -> Result<Vec<Look>, Refusal> {
    let server = stage.addresses().gateway;
    block_on(async {
        let (stranger, known) = tokio::join!(
            look_on(0, Visitor::new(server), price, begun, is_over),
            async {
                let mut visitor = Visitor::new(server);
                let form = format!("product={}&quantity=1", PRODUCT + 1);
                // Without a cart he is a stranger like the other one.
                let _no_cart = visitor.post("/cart", &form, None).await;
                look_on(1, visitor, price, begun, is_over).await
            }
        );
        stranger.into_iter().chain(known).collect()
    })
}

async fn look_on(
    number: usize,
    mut visitor: Visitor,
    price: &str,
    begun: Instant,
    is_over: &AtomicBool,
) -> Vec<Look> {
    let mut looks = Vec::new();
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let path = page();
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let asked = begun.elapsed();
        let shown = match visitor.get(&path).await {
            Ok(page) if page.status.as_u16() != 200 => Shown::Nothing,
            Ok(page) if page.contains(price) => Shown::New,
            Ok(_) => Shown::Old,
            Err(_) => Shown::Nothing,
        };
        looks.push(Look {
            visitor: number,
            asked,
            answered: begun.elapsed(),
            shown,
        });
    }
    looks
}
