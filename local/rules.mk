libs_local-spawn := -lcdb
