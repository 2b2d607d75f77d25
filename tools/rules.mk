libs_user := -lcdb -lcrypt
