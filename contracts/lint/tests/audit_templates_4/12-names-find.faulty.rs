// class: 3
// Fault: a name is looked for by reading the table from its first row on, with a limit that is none (modelled on "linear search over a growing array", gas griefing in name registries).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod names {
    use super::*;

    const YEAR_MS: i64 = 365 * 86_400_000;

    #[table(name = "records")]
    struct Record {
        #[key(auto)]
        id: i64,
        label: String,
        #[index]
        holder: String,
        target: String,
        until_ms: i64,
    }

    #[error]
    enum NameError {
        /// Small letters and digits, 3 to 20 of them.
        BadLabel,
        /// The name has a holder.
        Held { until_ms: i64 },
        /// The name is not yours.
        NotHolder,
    }

    /// A label that is spelled right.
    struct Label(String);

    impl Label {
        fn new(text: &str) -> Result<Label, NameError> {
            let fits = (3..=20).contains(&text.len());
            let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if fits && plain { Ok(Label(text.into())) } else { Err(NameError::BadLabel) }
        }

        fn find(&self, ctx: &Context) -> Result<Option<Record>, Refusal> {
            let all = ctx.db.records().scan(u32::MAX)?; // FAULT
            Ok(all.into_iter().find(|record| record.label == self.0))
        }
    }

    #[init]
    fn init() {}

    /// The caller's record of this name, while it lasts.
    fn held(ctx: &Context, label: &str) -> Result<Record, Refusal> {
        let record = Label::new(label)?.find(ctx)?;
        let own = record.filter(|r| r.holder == ctx.caller && r.until_ms > ctx.time_ms);
        Ok(own.ok_or(NameError::NotHolder)?)
    }

    #[call]
    fn register(ctx: &Context, label: &str, target: String) -> Result<i64, Refusal> {
        let label = Label::new(label)?;
        let until_ms = ctx.time_ms + YEAR_MS;
        let holder = ctx.caller.clone();
        let Some(old) = label.find(ctx)? else {
            return ctx.db.records().insert(&Record { id: 0, label: label.0, holder, target, until_ms });
        };
        if old.until_ms > ctx.time_ms && old.holder != holder {
            return Err(NameError::Held { until_ms: old.until_ms }.into());
        }
        let id = old.id;
        ctx.db.records().update(&Record { id, label: label.0, holder, target, until_ms })?;
        Ok(id)
    }

    #[call]
    fn point(ctx: &Context, label: &str, target: String) -> Result<(), Refusal> {
        let mut record = held(ctx, label)?;
        record.target = target;
        ctx.db.records().update(&record)?;
        Ok(())
    }

    #[call]
    fn give(ctx: &Context, label: &str, to: String) -> Result<(), Refusal> {
        dadbs_sdk::address::check(&to)?;
        let mut record = held(ctx, label)?;
        record.holder = to;
        ctx.db.records().update(&record)?;
        Ok(())
    }

    /// The names of a holder, forty at a time.
    #[view]
    fn names_of(ctx: &Context, holder: &str) -> Result<Vec<Record>, Refusal> {
        ctx.db.records().by_holder(holder, 40)
    }
}
