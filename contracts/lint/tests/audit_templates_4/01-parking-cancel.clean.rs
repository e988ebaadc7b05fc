// class: 1
// Right: `cancel` refuses everybody but the driver of the booking, in a method of the row, before anything is written or sent.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod parking {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const HOUR_MS: i64 = 3_600_000;

    #[table(name = "places")]
    struct Place {
        #[key(auto)]
        id: i64,
        #[index]
        landlord: String,
        #[check("hourly BETWEEN 1 AND 1000000")]
        hourly: i64,
    }

    #[table(name = "bookings", index(place, state, from_hour))]
    struct Booking {
        #[key(auto)]
        id: i64,
        #[references("places(id)")]
        place: i64,
        #[index]
        driver: String,
        from_hour: i64,
        until_hour: i64,
        paid: i64,
        #[check("state IN ('booked', 'cancelled')")]
        state: String,
    }

    #[error]
    enum ParkingError {
        NoPlace { id: i64 },
        NoBooking { id: i64 },
        Taken,
        WrongHours,
        WrongPrice { price: i64 },
        TooLate,
        NotYours,
    }

    impl Booking {
        fn begins_ms(&self) -> i64 {
            self.from_hour * HOUR_MS
        }

        fn must_be_of(&self, who: &str) -> Result<(), ParkingError> {
            if self.driver == who { Ok(()) } else { Err(ParkingError::NotYours) }
        }
    }

    #[init]
    fn init() {}

    /// Offers a place of the caller.
    #[call]
    fn offer(ctx: &Context, hourly: i64) -> Result<i64, Refusal> {
        ctx.db.places().insert(&Place { id: 0, landlord: ctx.caller.clone(), hourly })
    }

    #[call(payable)]
    fn book(ctx: &Context, place: i64, from_hour: i64, hours: u32) -> Result<i64, Refusal> {
        let found = ctx.db.places().get(place)?.ok_or(ParkingError::NoPlace { id: place })?;
        if !(1..=72).contains(&hours) || from_hour * HOUR_MS <= ctx.time_ms {
            return Err(ParkingError::WrongHours.into());
        }
        // At most 72 hours of at most a million: no overflow.
        let price = found.hourly * i64::from(hours);
        if calls::paid(DENOM)? != price {
            return Err(ParkingError::WrongPrice { price }.into());
        }
        let until_hour = from_hour + i64::from(hours);
        let clash = sql!(
            "SELECT id FROM bookings WHERE place = ? AND state = 'booked' AND from_hour > ?
             AND from_hour < ? AND until_hour > ? LIMIT 1",
            place,
            from_hour - 72,
            until_hour,
            from_hour
        )?;
        if clash.rows().next().is_some() {
            return Err(ParkingError::Taken.into());
        }
        let driver = ctx.caller.clone();
        let state = "booked".into();
        ctx.db.bookings().insert(&Booking { id: 0, place, driver, from_hour, until_hour, paid: price, state })
    }

    /// Gives a booking back before it begins, and its price with it.
    #[call]
    fn cancel(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut booking = ctx.db.bookings().get(id)?.ok_or(ParkingError::NoBooking { id })?;
        booking.must_be_of(&ctx.caller)?;
        if booking.state != "booked" || booking.begins_ms() <= ctx.time_ms {
            return Err(ParkingError::TooLate.into());
        }
        booking.state = "cancelled".into();
        ctx.db.bookings().update(&booking)?;
        calls::transfer(&booking.driver, &[(DENOM, booking.paid)])?;
        Ok(())
    }

    #[view]
    fn mine(ctx: &Context, driver: &str) -> Result<Vec<Booking>, Refusal> {
        ctx.db.bookings().by_driver(driver, 50)
    }
}
