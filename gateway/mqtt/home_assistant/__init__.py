"""Home Assistant discovery over MQTT."""
