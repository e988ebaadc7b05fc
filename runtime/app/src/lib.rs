//! The application: one block through ante, messages, end of block and root
