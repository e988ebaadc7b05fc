//! A solar plant of neighbours: meters report what panels give, and the feeders are paid for it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod solar {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// What sensors measure.
    type Measure = f64;
    /// Watt hours of a kilowatt hour.
    const KILO: i64 = 1_000;

    /// A meter, who reports for it and who is paid.
    #[table(name = "meters")]
    struct Meter {
        #[key]
        serial: String,
        reporter: String,
        feeder: String,
        #[check("per_kwh BETWEEN 1 AND 1000000000")]
        per_kwh: i64,
        watt_hours: i64,
        celsius: Option<f64>,
    }

    /// Who registers meters.
    #[table(name = "plant")]
    struct Plant {
        #[key]
        owner: String,
    }

    #[error]
    enum SolarError {
        /// Only the owner of the plant registers meters.
        NotOwner,
        /// The caller reports for no such meter.
        NotReporter { serial: String },
        /// A meter counts forward.
        Backward { watt_hours: i64 },
        /// So much is not paid at once.
        TooMuch,
    }

    impl Meter {
        /// What so much energy is worth, in udadb.
        fn worth(&self, watt_hours: i64) -> Result<i64, SolarError> {
            let worth = i128::from(watt_hours) * i128::from(self.per_kwh) / i128::from(KILO);
            i64::try_from(worth).map_err(|_| SolarError::TooMuch)
        }

        /// The temperature of the panel, smoothed over the last reports.
        fn smoothed(&self, celsius: Measure) -> Measure {
            self.celsius.map_or(celsius, |before| before * 0.9 + celsius * 0.1)
        }
    }

    /// The caller owns the plant, which brings coins along.
    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.plant().insert(&Plant { owner: ctx.caller.clone() })
    }

    /// Registers a meter.
    #[call]
    fn register(
        ctx: &Context,
        serial: String,
        reporter: String,
        feeder: String,
        per_kwh: i64,
    ) -> Result<(), Refusal> {
        ctx.db.plant().get(&ctx.caller)?.ok_or(SolarError::NotOwner)?;
        address::check(&reporter)?;
        address::check(&feeder)?;
        let meter = Meter { serial, reporter, feeder, per_kwh, watt_hours: 0, celsius: None };
        ctx.db.meters().insert(&meter)
    }

    /// Reports where a meter stands, and pays its feeder; answers how much.
    #[call]
    fn report(ctx: &Context, serial: &str, watt_hours: i64, celsius: f64) -> Result<i64, Refusal> {
        let found = ctx.db.meters().get(serial)?.filter(|meter| meter.reporter == ctx.caller);
        let mut meter = found.ok_or_else(|| SolarError::NotReporter { serial: serial.into() })?;
        if watt_hours <= meter.watt_hours {
            return Err(SolarError::Backward { watt_hours: meter.watt_hours }.into());
        }
        let worth = meter.worth(watt_hours - meter.watt_hours)?;
        meter.celsius = Some(meter.smoothed(celsius));
        meter.watt_hours = watt_hours;
        ctx.db.meters().update(&meter)?;
        if worth > 0 {
            calls::transfer(&meter.feeder, &[(DENOM, worth)])?;
        }
        Ok(worth)
    }
}
