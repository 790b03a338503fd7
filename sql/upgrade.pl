#!/usr/bin/perl
# Writes the script that takes an installation from one version to another: what differs between their two
# install scripts, statement by statement.
#
#   upgrade.pl OLD.sql NEW.sql [BY_HAND.sql]
#
# Functions and views are replaced, new objects created, old ones dropped, new columns at the end of a table
# added.  What else changes in a table, and rows that must be moved, stands in BY_HAND.sql, which runs first;
# a table that it alters is left to it.  What cannot be done is an error here, not a surprise there; and
# test/t/012_upgrade.pl compares the catalogs.
use strict;
use warnings;

# The statements of a script, comments before them left out.
sub statements
{
	my ($file) = @_;
	open(my $in, '<', $file) or die "cannot read $file: $!\n";
	local $/;
	my ($text, $statement, $atomic, @all) = (scalar(<$in>), '', 0);

	while ($text =~ /\G(--[^\n]*\n | \/\*.*?\*\/ | '(?:[^']|'')*' | "[^"]*" | (\$\w*\$).*?\g2 | \w+ | ; | \s+ | .)/gsx)
	{
		my $token = $1;

		next if $statement eq '' && $token =~ /^(?:--|\/\*|\s)/;
		$atomic = 1 if $token eq 'ATOMIC' && $statement =~ /\bBEGIN\s+$/;
		$atomic++ if $atomic && $token eq 'CASE';
		$atomic-- if $atomic && $token eq 'END';
		if ($token ne ';' || $atomic)
		{
			$statement .= $token;
			next;
		}
		push @all, $statement;
		$statement = '';
	}
	die "$file ends within a statement: $statement\n" if $statement =~ /\S/;
	return @all;
}

# A list without the brackets around it, split at its outermost commas.
sub items
{
	my ($list) = @_;
	my ($item, $depth, @all) = ('', 0);

	while ($list =~ /\G(--[^\n]*\n? | \/\*.*?\*\/ | '(?:[^']|'')*' | [(\[] | [)\]] | , | [^-\/'()\[\],]+ | .)/gsx)
	{
		my $token = $1;

		next if $token =~ /^(?:--|\/\*)/;
		$depth++ if $token =~ /^[(\[]/;
		$depth-- if $token =~ /^[)\]]/;
		if ($token eq ',' && !$depth)
		{
			push @all, $item;
			$item = '';
			next;
		}
		$item .= $token;
	}
	return grep { $_ ne '' } map { s/\s+/ /gr =~ s/^ | $//gr } @all, $item;
}

# What comes between the first bracket and its partner, and what comes after.
sub bracketed
{
	my ($text) = @_;

	$text =~ /(\((?:[^()']|'(?:[^']|'')*'|(?1))*\))(.*)/s or die "no brackets in: $text\n";
	return (substr($1, 1, -1), $2);
}

# What a statement makes: its kind, its name (with arguments for a function) and, of these, what cannot be replaced.
sub object
{
	my ($statement) = @_;
	my ($kind, $rest) = $statement =~ /^CREATE (?:UNIQUE |UNLOGGED )?(FUNCTION|PROCEDURE|AGGREGATE|TABLE|VIEW|INDEX|SCHEMA|SERVER|FOREIGN DATA WRAPPER|TYPE|DOMAIN) (.*)/s
	  or die "no rule for: $statement\n";
	my ($name) = $rest =~ /^([\w."]+)/;

	return { kind => $kind, name => $name, fixed => '' } if $kind !~ /FUNCTION|PROCEDURE|AGGREGATE/;
	my ($arguments, $after) = bracketed($rest);
	my @arguments = items($arguments);
	my $defaults = grep { / (?:DEFAULT|=) / } @arguments;
	my ($returns) = $after =~ /^\s*(RETURNS (?:TABLE\s*(\((?:[^()]|(?2))*\))|[\w.\[\]]+(?: [\w.\[\]]+)??(?=\s+(?:LANGUAGE|AS|STABLE|IMMUTABLE|VOLATILE))))/s;
	return { kind => $kind, name => "$name(" . join(', ', map { s/ (?:DEFAULT|=) .*//r } @arguments) . ')',
		fixed => ($returns // '') =~ s/\s+/ /gr, defaults => $defaults };
}

# The columns and constraints that a table has got; dies where that is not all that changed.
sub table_steps
{
	my ($name, $old, $new) = @_;
	my @old = items((bracketed($old))[0]);
	my %new = map { $_ => 1 } my @new = items((bracketed($new))[0]);
	my %old = map { $_ => 1 } @old;
	my @lost = grep { !$new{$_} } @old;

	die "table $name: \"$lost[0]\" is gone or changed: write ALTER TABLE by hand\n" if @lost;
	return map { "ALTER TABLE $name ADD " . (/^(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE)\b/ ? '' : 'COLUMN ') . $_ } grep { !$old{$_} } @new;
}

my ($old_file, $new_file, $by_hand) = @ARGV;
my @old = statements($old_file);
my @new = statements($new_file);
my %old_text = map { $_ => 1 } @old;
my %old = map { ("$_->{kind} $_->{name}" => $_) } map { { %{ object($_) }, text => $_ } } grep { /^CREATE/ } @old;
my %new = map { ("$_->{kind} $_->{name}" => $_) } map { { %{ object($_) }, text => $_ } } grep { /^CREATE/ } @new;
my $hand = '';

if ($by_hand && open(my $in, '<', $by_hand))
{
	local $/;
	$hand = <$in>;
}
print "/* Made by sql/upgrade.pl: what the present install script says and $old_file does not. */\n";
print "\n$hand" if $hand;

# A function whose result or defaults changed is made anew; what is gone is dropped, last things first.
my %again;
for my $key (map { "$_->{kind} $_->{name}" } map { object($_) } reverse grep { /^CREATE/ } @old)
{
	my ($was, $is) = ($old{$key}, $new{$key});

	next if $is && ($was->{fixed} eq $is->{fixed} && ($was->{defaults} // 0) <= ($is->{defaults} // 0));
	$again{$key} = 1 if $is;
	print "\nDROP $key;\n";
}

my ($first_create, $last_create) = (grep { $new[$_] =~ /^CREATE/ } 0 .. $#new)[0, -1];
for my $place (0 .. $#new)
{
	my $text = $new[$place];

	if ($text =~ /^CREATE/)
	{
		my $object = object($text);
		my $key = "$object->{kind} $object->{name}";
		my $was = $old{$key};

		if (!$was || $again{$key})
		{
			print "\n$text;\n";
		}
		elsif ($was->{text} eq $text)
		{
			next;
		}
		elsif ($object->{kind} =~ /FUNCTION|PROCEDURE|VIEW/)
		{
			print "\n", $text =~ s/^CREATE/CREATE OR REPLACE/r, ";\n";
		}
		elsif ($object->{kind} eq 'TABLE')
		{
			next if $hand =~ /\bALTER TABLE \Q$object->{name}\E\b/;
			print "\n$_;\n" for table_steps($object->{name}, $was->{text}, $text);
		}
		else
		{
			print "\nDROP $key;\n$text;\n";
		}
	}
	elsif ($text =~ /^COMMENT ON/)
	{
		# An object that was made anew has lost its comment; to say it again harms nobody.
		my ($name) = $text =~ /^COMMENT ON \w+ ([\w."]+)/;

		print "$text;\n" if !$old_text{$text} || grep { /\Q$name\E\b/ } keys %again;
	}
	elsif ($place < $first_create)
	{
		next;					# whether there is room for what is there already
	}
	elsif ($place > $last_create)
	{
		print "\n$text;\n";		# what holds for everything: registration for dumps, grants
	}
	elsif (!$old_text{$text})
	{
		die "no rule for: $text\n";
	}
}
