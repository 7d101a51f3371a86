import psycopg, hashlib
def database_of(folder):
    name = "t" + hashlib.md5(str(folder).encode()).hexdigest()
    with psycopg.connect("postgresql://genmeter@127.0.0.1:54991/postgres", autocommit=True) as c:
        if not c.execute("select 1 from pg_database where datname=%s",(name,)).fetchone():
            c.execute(f"create database {name} strategy file_copy")
    return f"postgresql://genmeter@127.0.0.1:54991/{name}"
