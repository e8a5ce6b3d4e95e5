//! What has to be done because of an order, without the customer waiting for it.
