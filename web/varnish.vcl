# The edge in front of the service, with EDGE_CACHE=on and EDGE_PURGE_URL=http://<this Varnish>/ set on the service.
#
# An answer is kept for one token alone, at most as long as the service allows, and until the service sends
# PURGE with one of its tags. Varnish 6 or newer, without any vmod of others.

vcl 4.1;

import std;

backend default {
    .host = "127.0.0.1";
    .port = "8000";
}

# From where the service's clock process purges.
acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ purgers) {
            return (synth(403, "Forbidden"));
        }
        if (req.http.Surrogate-Key !~ "^[a-z0-9_:-]+( [a-z0-9_:-]+)*$") {
            return (synth(400, "Surrogate-Key has to name tags"));
        }
        # It names only what the object itself has, so that the ban lurker can work it off in the background.
        ban("obj.http.Surrogate-Key ~ (^|\s)(" + regsuball(req.http.Surrogate-Key, " ", "|") + ")(\s|$)");
        return (synth(200, "Purged"));
    }
    # What isn't a query with a token, and who asks for something newer than may be stored here, goes through.
    if ((req.method != "GET" && req.method != "HEAD") || !req.http.Authorization || req.http.Min-Position) {
        return (pass);
    }
    if (req.url !~ "^/api/v1/(users|workspaces|tenants)/") {
        return (pass);
    }
    return (hash);
}

sub vcl_hash {
    # The answers also say so by Vary. Nobody's answer may hang on a single header.
    hash_data(req.http.Authorization);
}

sub vcl_backend_response {
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    if (beresp.status == 200 && beresp.http.CDN-Cache-Control ~ "^max-age=[0-9]+$") {
        # These are about the request that came first.
        unset beresp.http.X-Request-ID;
        unset beresp.http.traceparent;
        unset beresp.http.Server-Timing;
        set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "^max-age=", "") + "s", 0s);
    } else {
        # Those who wait for the same are let go one by one.
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
    }
    return (deliver);
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", edge; hit";
    }
    # These are between the service and us.
    unset resp.http.Surrogate-Key;
    unset resp.http.Cache-Tag;
    unset resp.http.CDN-Cache-Control;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
}
