-- Writes the small sample in data/ anew, byte for byte; run it from the repository's root in an
-- empty database.
CALL generate_listening(users := 200, songs := 600, plays := 12000, seed := 1);
COPY plays TO 'data/plays.csv' (HEADER);
COPY songs TO 'data/songs.csv' (HEADER);
COPY users TO 'data/users.csv' (HEADER);
COPY chords TO 'data/chords.csv' (HEADER);
