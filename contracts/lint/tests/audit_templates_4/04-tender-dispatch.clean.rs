// class: 1
// Right: all arms that write are behind one check of the buyer, which stands in front of the dispatch.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

/// Tenders: buyers ask, suppliers bid, buyers award.
#[contract]
mod tender {
    use super::*;

    #[table(name = "tenders")]
    struct Tender {
        #[key(auto)]
        id: i64,
        #[index]
        buyer: String,
        title: String,
        closes_ms: i64,
        winner: Option<i64>,
        withdrawn: bool,
    }

    #[table(name = "bids", unique(tender, supplier), index(tender, price))]
    struct Bid {
        #[key(auto)]
        id: i64,
        #[references("tenders(id)")]
        tender: i64,
        supplier: String,
        #[check("price > 0")]
        price: i64,
    }

    #[error]
    enum TenderError {
        Unknown { id: i64 },
        Shut,
        NotBuyer,
        NoSuchStep { step: String },
        BadArgument,
    }

    #[init]
    fn init() {}

    impl Tender {
        fn load(ctx: &Context, id: i64) -> Result<Tender, Refusal> {
            match ctx.db.tenders().get(id) {
                Ok(Some(tender)) => Ok(tender),
                Ok(None) => Err(TenderError::Unknown { id }.into()),
                Err(refusal) => Err(refusal.at("tenders")),
            }
        }

        fn save(self, ctx: &Context) -> Result<(), Refusal> {
            let id = self.id;
            if ctx.db.tenders().update(&self)? { Ok(()) } else { Err(TenderError::Unknown { id }.into()) }
        }

        fn bought_by(&self, caller: &str) -> Result<(), Refusal> {
            (self.buyer == caller).then_some(()).ok_or_else(|| TenderError::NotBuyer.into())
        }

        fn is_open(&self, now_ms: i64) -> bool {
            !self.withdrawn && self.winner.is_none() && now_ms < self.closes_ms
        }
    }

    #[call]
    fn ask(ctx: &Context, title: String, closes_ms: i64) -> Result<i64, Refusal> {
        let buyer = ctx.caller.clone();
        ctx.db.tenders().insert(&Tender { id: 0, buyer, title, closes_ms, winner: None, withdrawn: false })
    }

    #[call]
    fn bid(ctx: &Context, tender: i64, price: i64) -> Result<i64, Refusal> {
        if !Tender::load(ctx, tender)?.is_open(ctx.time_ms) {
            return Err(TenderError::Shut.into());
        }
        ctx.db.bids().insert(&Bid { id: 0, tender, supplier: ctx.caller.clone(), price })
    }

    /// One step with a tender: `extend` to a time, `award` a bid, or `withdraw`.
    #[call]
    fn steer(ctx: &Context, id: i64, step: &str, argument: Option<i64>) -> Result<(), Refusal> {
        let mut tender = Tender::load(ctx, id)?;
        if tender.withdrawn || tender.winner.is_some() {
            return Err(TenderError::Shut.into());
        }
        tender.bought_by(&ctx.caller)?;
        match (step, argument) {
            ("extend", Some(until_ms)) if until_ms > tender.closes_ms => {
                tender.closes_ms = until_ms;
                tender.save(ctx)
            }
            ("award", Some(bid)) => {
                let found = ctx.db.bids().get(bid)?.filter(|found| found.tender == id);
                tender.winner = Some(found.ok_or(TenderError::BadArgument)?.id);
                tender.save(ctx)
            }
            ("withdraw", None) => {
                tender.withdrawn = true;
                tender.save(ctx)
            }
            ("extend" | "award" | "withdraw", _) => Err(TenderError::BadArgument.into()),
            _ => Err(TenderError::NoSuchStep { step: step.into() }.into()),
        }
    }

    /// The best ten bids.
    #[view]
    fn best(tender: i64) -> Result<Vec<Bid>, Refusal> {
        let rows = sql!(
            "SELECT id, tender, supplier, price FROM bids WHERE tender = ? ORDER BY price, id LIMIT 10",
            tender
        )?;
        Ok(rows.decode())
    }
}
