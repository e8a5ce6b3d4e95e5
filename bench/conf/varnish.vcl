# Varnish as a peer in the benchmark. @WORDS@ are filled in by bench/cache_peers.py.
# The reason for each setting is also given in bench/README.md.
vcl 4.1;

backend origin {
    .host = "@ORIGIN_HOST@";
    .port = "@ORIGIN_PORT@";
}

sub vcl_deliver {
    # The headers a usual cache adds; Age, Via and X-Varnish come by themselves.
    if (obj.hits > 0) {
        set resp.http.X-Cache-Status = "HIT";
    }

}
