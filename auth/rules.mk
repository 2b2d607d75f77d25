# These libraries come shared, so that their mending reaches the programs without a new build.
libs_authd := -lcrypto -lcrypt -lcdb
is_shared_authd := yes
libs_tlskeyd := -lcrypto
is_shared_tlskeyd := yes
libs_tlsd := -lssl -lcrypto
is_shared_tlsd := yes
libs_shadow-check := -lcrypt
