//! An example contract: a market of sensor readings that are paid one by one.
//!
//! 1. Who registers a sensor sets its price per reading and alone adds readings, each later than the last.
//! 2. A buyer pays exactly for so many readings as it asks for; the coins go to the sensor's owner at once.
//! 3. Readings are seen by the sensor's owner and, reading by reading, by who has paid for them.
//! 4. What is not there cannot be bought.
//!
//! Rule 3 holds for calls, views and the API. Replicas can be read by whoever runs them: a market of
//! strangers sells readings that are encrypted, as the example `health` does.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod sensors {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// What is for sale.
    #[table(name = "sensors")]
    struct Sensor {
        #[key]
        name: String,
        #[index]
        owner: String,
        unit: String,
        #[check("price BETWEEN 1 AND 1000000000")]
        price: i64,
        readings: i64,
    }

    /// One value; numbers count from 1 for each sensor.
    #[table(name = "readings")]
    struct Reading {
        #[key]
        #[references("sensors(name)")]
        sensor: String,
        #[key]
        number: i64,
        at_ms: i64,
        /// In thousandths of the unit: integers are exact.
        milli: i64,
    }

    /// Readings that somebody has paid for.
    #[table(name = "purchases", check("from_number <= to_number"))]
    struct Purchase {
        #[key]
        sensor: String,
        #[key]
        buyer: String,
        #[key]
        from_number: i64,
        to_number: i64,
    }

    /// Rule 3.
    #[can_read(readings)]
    const PAID: &str =
        "EXISTS (SELECT 1 FROM sensors s WHERE s.name = sensor AND s.owner = caller())
        OR EXISTS (SELECT 1 FROM purchases p WHERE p.sensor = readings.sensor AND p.buyer = caller()
            AND number BETWEEN p.from_number AND p.to_number)";

    #[error]
    enum MarketError {
        /// There is no such sensor.
        NotFound { sensor: String },
        /// There is a sensor of this name.
        Exists { sensor: String },
        /// Only its owner adds readings.
        NotOwner { sensor: String },
        /// A reading is later than the one before and not in the future.
        WrongTime { at_ms: i64 },
        /// There are not so many readings.
        NotThere { readings: i64 },
        /// Send exactly the price of the readings.
        WrongPrice { price: i64, paid: i64 },
    }

    /// Readings were sold.
    #[event]
    struct Sold<'a> {
        sensor: &'a str,
        buyer: &'a str,
        readings: i64,
        price: i64,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    fn sensor(ctx: &Context, name: &str) -> Result<Sensor, Refusal> {
        let found = ctx.db.sensors().get(name)?;
        Ok(found.ok_or_else(|| MarketError::NotFound { sensor: name.into() })?)
    }

    /// Registers a sensor of the caller.
    #[call]
    fn register(ctx: &Context, name: String, unit: String, price: i64) -> Result<(), Refusal> {
        if ctx.db.sensors().get(&name)?.is_some() {
            return Err(MarketError::Exists { sensor: name }.into());
        }
        let owner = ctx.caller.clone();
        ctx.db.sensors().insert(&Sensor { name, owner, unit, price, readings: 0 })
    }

    /// Adds a reading; answers its number.
    #[call]
    fn add(ctx: &Context, name: &str, at_ms: i64, milli: i64) -> Result<i64, Refusal> {
        let mut sensor = sensor(ctx, name)?;
        if sensor.owner != ctx.caller {
            return Err(MarketError::NotOwner { sensor: sensor.name }.into());
        }
        let last = ctx.db.readings().get(name, sensor.readings)?.map_or(0, |last| last.at_ms);
        if at_ms <= last || at_ms > ctx.time_ms {
            return Err(MarketError::WrongTime { at_ms }.into());
        }
        sensor.readings += 1;
        ctx.db.sensors().update(&sensor)?;
        let number = sensor.readings;
        ctx.db.readings().insert(&Reading { sensor: sensor.name, number, at_ms, milli })?;
        Ok(number)
    }

    /// Buys readings `from` to `to` for exactly their price.
    #[call(payable)]
    fn buy(ctx: &Context, name: &str, from: i64, to: i64) -> Result<(), Refusal> {
        let sensor = sensor(ctx, name)?;
        if from < 1 || to < from || to > sensor.readings {
            return Err(MarketError::NotThere { readings: sensor.readings }.into());
        }
        let (readings, paid) = (to - from + 1, calls::paid(DENOM)?);
        let price = readings * sensor.price;
        if paid != price {
            return Err(MarketError::WrongPrice { price, paid }.into());
        }
        let (seller, buyer) = (sensor.owner, ctx.caller.clone());
        let purchase = Purchase { sensor: sensor.name, buyer, from_number: from, to_number: to };
        ctx.db.purchases().insert(&purchase)?;
        Sold { sensor: name, buyer: &ctx.caller, readings, price }.emit();
        calls::transfer(&seller, &[(DENOM, price)])?;
        Ok(())
    }

    /// The readings of a sensor that the caller may see, from a number on; at most 100.
    #[view]
    fn read(name: &str, from: i64) -> Result<Vec<Reading>, Refusal> {
        let found = sql!(
            "SELECT sensor, number, at_ms, milli FROM readings
             WHERE sensor = ? AND number >= ? ORDER BY number LIMIT 100",
            name,
            from
        )?;
        Ok(found.decode())
    }

    /// What is for sale, at most 100.
    #[view]
    fn offers(ctx: &Context) -> Result<Vec<Sensor>, Refusal> {
        ctx.db.sensors().scan(100)
    }
}
