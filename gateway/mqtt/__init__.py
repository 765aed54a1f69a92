"""A connection to an MQTT broker that is looked after for ever."""
