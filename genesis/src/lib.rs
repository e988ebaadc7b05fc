//! Build, validate and render genesis
