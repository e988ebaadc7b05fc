//! The one store: SQLite, capture, journal, root
