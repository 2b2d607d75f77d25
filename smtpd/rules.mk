libs_smtpd := -lcdb
