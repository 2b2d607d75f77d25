# libunbound comes as a shared library, so that its mending reaches dnsqd without a new build.
libs_dnsqd := -lunbound -lresolv
is_shared_dnsqd := yes
