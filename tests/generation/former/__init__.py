"""An archive of a former version, made anew: its schema by migrations, its rows as it wrote them."""
