//! Pages of lists.
//!
//! 1. A page begins after `offset` rows, or where the `next_key` of the page before says, which is that number.
//! 2. It has at most `QUERY_ROWS_MAX` rows, 100 unless a limit is named.
//! 3. Totals are not counted, and lists are not turned round.

use dadbs_proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use dadbs_types::limits::QUERY_ROWS_MAX;
use dadbs_types::{Code, Rejection};

/// Rows of a page unless a limit is named.
const LIMIT: u64 = 100;

/// A page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    offset: u64,
    limit: u64,
}

impl Page {
    /// Reads the request (rules 1 to 3).
    pub(super) fn of(request: Option<PageRequest>) -> Result<Page, Rejection> {
        let request = request.unwrap_or_default();
        let offset = if request.key.is_empty() {
            Ok(request.offset)
        } else {
            request.key.as_slice().try_into().map(u64::from_be_bytes)
        };
        let offset = offset.ok().filter(|offset| i64::try_from(*offset).is_ok());
        let Some(offset) = offset.filter(|_| !request.reverse) else {
            let message = "a page begins at the next_key of the page before, and in forward order";
            return Err(Rejection::new(Code::InvalidRequest, message));
        };
        let limit = if request.limit == 0 { LIMIT } else { request.limit };
        Ok(Page { offset, limit: limit.min(QUERY_ROWS_MAX as u64) })
    }

    /// Offset and limit to ask for: one row more than the page has.
    pub(super) fn range(self) -> (u64, u64) {
        (self.offset, self.limit.saturating_add(1))
    }

    /// Cuts what was found to the page.
    pub(super) fn cut<T>(self, mut found: Vec<T>) -> (Vec<T>, Option<PageResponse>) {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = self.offset.saturating_add(self.limit).to_be_bytes();
        let next_key = if has_more { next.to_vec() } else { Vec::new() };
        (found, Some(PageResponse { next_key, total: 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_1_and_2_pages_follow_each_other() {
        let all: Vec<u64> = (0..25).collect();
        let (mut key, mut seen) = (Vec::new(), Vec::new());
        loop {
            let request = PageRequest { key, limit: 10, ..PageRequest::default() };
            let page = Page::of(Some(request)).unwrap();
            let (offset, limit) = page.range();
            let last = (offset + limit).min(25);
            let found = all.iter().copied().filter(|n| (offset..last).contains(n)).collect();
            let (rows, response) = page.cut(found);
            seen.extend(rows);
            key = response.unwrap().next_key;
            if key.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
        for wrong in [
            PageRequest { key: vec![1], ..PageRequest::default() },
            PageRequest { key: vec![0xff; 8], ..PageRequest::default() },
            PageRequest { reverse: true, ..PageRequest::default() },
        ] {
            assert!(Page::of(Some(wrong)).is_err());
        }
    }
}
