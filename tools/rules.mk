libs_domain := -lcdb -lidn2 -lunistring
libs_user := -lcdb -lcrypt -lcrypto -lidn2 -lunistring
is_shared_user := yes
