libs_remote := -lidn2 -lunistring
