//! An example contract: invoices whose rules no caller gets around.
//!
//! 1. Only its issuer changes an invoice, and only while it is a draft.
//! 2. An invoice that is issued has lines, and its total is the sum of them.
//! 3. Payments are recorded by the issuer, never beyond what is open; a paid invoice is closed.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod invoices {
    use super::*;

    /// Lines that one invoice may have.
    const LINES_MAX: u32 = 100;

    /// An invoice; amounts are in cents.
    #[table(name = "invoices", index(issuer, state), check("paid <= total"))]
    struct Invoice {
        #[key(auto)]
        id: i64,
        issuer: String,
        #[index]
        customer: String,
        #[check("total >= 0")]
        total: i64,
        #[check("paid >= 0")]
        paid: i64,
        #[check("state IN ('draft', 'issued', 'paid')")]
        state: String,
    }

    /// What an invoice is for.
    #[table(name = "lines")]
    struct Line {
        #[key]
        #[references("invoices(id)")]
        invoice: i64,
        #[key]
        position: i64,
        text: String,
        #[check("amount > 0")]
        amount: i64,
    }

    #[error]
    enum InvoiceError {
        /// There is no such invoice.
        NotFound { id: i64 },
        /// Only its issuer may do this.
        NotIssuer { id: i64 },
        /// The invoice is in another state.
        WrongState { id: i64, state: String },
        /// An invoice that is issued has lines.
        NoLines { id: i64 },
        /// An invoice has no more lines than this.
        TooManyLines { most: u32 },
        /// More than what is open cannot be paid.
        Overpaid { open: i64 },
    }

    /// An invoice was issued to its customer.
    #[event]
    struct Issued<'a> {
        id: i64,
        customer: &'a str,
        total: i64,
    }

    /// An invoice is paid in full.
    #[event]
    struct Paid {
        id: i64,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// The invoice, if the caller issued it and it is in this state.
    fn own(ctx: &Context, id: i64, state: &str) -> Result<Invoice, Refusal> {
        let invoice = ctx.db.invoices().get(id)?.ok_or(InvoiceError::NotFound { id })?;
        if invoice.issuer != ctx.caller {
            return Err(InvoiceError::NotIssuer { id }.into());
        }
        if invoice.state != state {
            return Err(InvoiceError::WrongState { id, state: invoice.state }.into());
        }
        Ok(invoice)
    }

    /// Begins an invoice; answers its number.
    #[call]
    fn draft(ctx: &Context, customer: String) -> Result<i64, Refusal> {
        let issuer = ctx.caller.clone();
        let state = "draft".into();
        ctx.db.invoices().insert(&Invoice { id: 0, issuer, customer, total: 0, paid: 0, state })
    }

    /// Adds a line to a draft.
    #[call]
    fn line(ctx: &Context, id: i64, text: String, amount: i64) -> Result<(), Refusal> {
        own(ctx, id, "draft")?;
        let found = sql!("SELECT count(*) FROM lines WHERE invoice = ?", id)?;
        let position = found.value().integer().unwrap_or_default();
        if position >= i64::from(LINES_MAX) {
            return Err(InvoiceError::TooManyLines { most: LINES_MAX }.into());
        }
        ctx.db.lines().insert(&Line { invoice: id, position, text, amount })
    }

    /// Issues a draft; answers its total.
    #[call]
    fn issue(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut invoice = own(ctx, id, "draft")?;
        let found = sql!("SELECT sum(amount) FROM lines WHERE invoice = ?", id)?;
        invoice.total = found.value().integer().ok_or(InvoiceError::NoLines { id })?;
        invoice.state = "issued".into();
        ctx.db.invoices().update(&invoice)?;
        Issued { id, customer: &invoice.customer, total: invoice.total }.emit();
        Ok(invoice.total)
    }

    /// Records a payment; answers what is still open.
    #[call]
    fn pay(ctx: &Context, id: i64, amount: u32) -> Result<i64, Refusal> {
        let mut invoice = own(ctx, id, "issued")?;
        let open = invoice.total - invoice.paid;
        if i64::from(amount) > open {
            return Err(InvoiceError::Overpaid { open }.into());
        }
        invoice.paid += i64::from(amount);
        if invoice.paid == invoice.total {
            invoice.state = "paid".into();
            Paid { id }.emit();
        }
        ctx.db.invoices().update(&invoice)?;
        Ok(open - i64::from(amount))
    }

    /// One invoice.
    #[view]
    fn invoice(ctx: &Context, id: i64) -> Result<Option<Invoice>, Refusal> {
        ctx.db.invoices().get(id)
    }

    /// At most 100 invoices of a customer.
    #[view]
    fn of_customer(ctx: &Context, customer: &str) -> Result<Vec<Invoice>, Refusal> {
        ctx.db.invoices().by_customer(customer, 100)
    }

    /// What all customers of an issuer owe.
    #[view]
    fn open(issuer: &str) -> Result<i64, Refusal> {
        let found = sql!(
            "SELECT sum(total - paid) FROM invoices WHERE issuer = ? AND state = 'issued'",
            issuer
        )?;
        Ok(found.value().integer().unwrap_or_default())
    }
}
