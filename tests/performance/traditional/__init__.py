"""What the service is compared with: the same directory as a good engineer writes it without CQRS.

One set of normalised, indexed tables is read and written in place. ``orm`` does so by SQLAlchemy's ORM with eager
loading, ``sql`` by hand-written SQL; both sit behind the same Flask views, verify the same tokens, apply the same rules
and answer with the same JSON as the service. Where there is a choice, it is made in favour of what is compared with:
there is no limiter, no access log, no validator to compute, and no schema to dump through.
"""
