"""Reading `stretto.yaml`, section by section; the door is `gateway/read_config.py`."""
