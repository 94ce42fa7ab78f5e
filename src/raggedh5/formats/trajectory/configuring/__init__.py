"""What a configuration is made of: sections, checked values, formats, codecs, YAML."""
