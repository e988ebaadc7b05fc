//! Test kit and scenarios
